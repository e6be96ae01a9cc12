// Checkpoints in a folder: what a run can begin again from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/state/checkpoint_files.hpp"
#include "core/state/manifest.hpp"
#include "flow/host/state.hpp"

namespace flowrun {

// A checkpoint that cannot be used, and why.
struct DamagedCheckpoint {
  std::uint64_t id = 0;
  std::filesystem::path file;
  std::string reason;  // "has 120 bytes of 4,711"
};

// The last complete checkpoint that this process has written.
struct WrittenCheckpoint {
  std::uint64_t id = 0;
  std::uint64_t pages = 0;            // written, moved ones included
  std::uint64_t moved_pages = 0;      // out of files that mostly held others
  std::uint64_t unchanged_pages = 0;  // not written
  std::uint64_t bytes = 0;            // of its files
};

class CheckpointWriter;

// The folder of one pipeline's checkpoints; FORMAT.md says what stands in its files. Only one
// process at a time has it open.
//
// A checkpoint consists of parts (small named strings: positions, handles, the ledger), which stand
// in its manifest, and of the pages of keyed state. A page that has not changed since the last
// checkpoint stays where that one has it. Nothing that a kept checkpoint needs is ever written to;
// a manifest appears whole or not at all, after everything that it names is on the disk.
//
// To write one: begin(); at each instance's barrier freeze() its store; finish() with the parts
// when all have answered. Pages are written from freeze() on, by a thread of this class, so that
// pre-images do not pile up. Functions may be called by any thread unless they say otherwise.
class CheckpointStore {
 public:
  struct Options {
    std::size_t keep = 3;  // checkpoints, at least 1
  };
  // Empty: the checkpoint is complete and durable. Else why it is not: the folder is as it was. It
  // must not throw.
  using Done = std::function<void(const std::string& problem)>;

  // Makes the folder if need be, and removes what an unfinished checkpoint left. Throws
  // CheckpointError if another process has it (with its number) or it cannot be written to.
  CheckpointStore(std::filesystem::path folder, Options options);
  explicit CheckpointStore(std::filesystem::path folder)
      : CheckpointStore(std::move(folder), Options()) {}
  CheckpointStore(const CheckpointStore&) = delete;
  CheckpointStore& operator=(const CheckpointStore&) = delete;
  // Abandons an unfinished checkpoint.
  ~CheckpointStore();

  // The newest complete one: every byte that it needs has been read and checked (about 1 GiB/s from
  // a page cache). Nothing: there is none. Damaged ones are skipped for the one before, and told in
  // `damaged`. The next checkpoint builds on what was loaded. `change`: what to make of each that
  // is read, in memory. [control, not while one is written]
  std::optional<Manifest> load(std::vector<DamagedCheckpoint>& damaged,
                               const std::function<void(Manifest&)>& change = {});

  // Fills a store with the pages of `component`'s tables in the key groups that instance number
  // `instance` of `instances` owns. Of the checkpoint that load() gave. Throws CheckpointError: a
  // page that cannot be read any more, or state_limit. [one thread per store]
  void restore(const Manifest& checkpoint, const std::string& component,
               flow::host::StateStore& store, std::uint32_t instance = 0,
               std::uint32_t instances = 1) const;

  // Removes all checkpoints of the folder. Throws CheckpointError. [control, not while one is
  // written]
  void start_over();

  // Greater than the number of any checkpoint in the folder, damaged ones included.
  std::uint64_t next_id() const;

  // Begins checkpoint `id` (at least next_id()); one under way is abandoned. `time`: nanoseconds
  // since 1970.
  void begin(std::uint64_t id, std::int64_t time);
  // [worker, of the store] Freezes the store's pages and hands them to the writer. Several stores
  // may be of one component if their key groups differ. A store must outlive the checkpoint: until
  // `done`, or until abandon() has returned. Without a checkpoint under way it does nothing.
  void freeze(std::uint64_t id, const std::string& component, flow::host::StateStore& store);
  // Everything is frozen: `done` is called by the writer's thread when the checkpoint is durable,
  // or cannot be made. `done` may begin the next one.
  void finish(std::uint64_t id, std::map<std::string, std::string> parts, Done done);
  // The checkpoint under way is given up; its pages count as changed still. Waits until the writer
  // has let go of the stores; `done` is not called if it has not been yet.
  void abandon();

  WrittenCheckpoint written() const;
  const std::filesystem::path& folder() const;

 private:
  std::unique_ptr<CheckpointWriter> writer_;
};

// What stands in a folder, for people. Reads everything and changes nothing; needs no lock.
struct ListedCheckpoint {
  std::filesystem::path file;  // of the manifest
  std::uint64_t id = 0;
  std::int64_t time = 0;    // nanoseconds since 1970; 0: not readable
  std::uint64_t bytes = 0;  // of the manifest and of the pages that it names
  std::string problem;      // empty: complete
};
// Oldest first. Throws CheckpointError: no such folder.
std::vector<ListedCheckpoint> list_checkpoints(const std::filesystem::path& folder);
// Of one manifest, with the pages that it names in the folder beside it.
ListedCheckpoint look_at_checkpoint(const std::filesystem::path& file);

}  // namespace flowrun
