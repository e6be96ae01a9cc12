// The thread that writes checkpoints.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "core/state/checkpoint_store.hpp"
#include "core/state/file.hpp"
#include "core/state/page_file.hpp"

namespace flowrun {

// What CheckpointStore promises; see there.
class CheckpointWriter {
 public:
  CheckpointWriter(std::filesystem::path folder, std::size_t keep, File lock);
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;
  ~CheckpointWriter();

  // The readable checkpoints, oldest first; unchanged pages are looked up in the last.
  void build_on(std::vector<Manifest> kept);
  std::uint64_t next_id() const;
  void begin(std::uint64_t id, std::int64_t time);
  void freeze(std::uint64_t id, const std::string& component, flow::host::StateStore& store);
  void finish(std::uint64_t id, std::map<std::string, std::string> parts,
              CheckpointStore::Done done);
  void abandon();
  WrittenCheckpoint written() const;
  const std::filesystem::path& folder() const { return folder_; }

 private:
  using PageKey = std::tuple<const char*, std::uint32_t, std::uint32_t, std::uint32_t>;
  struct Entry {
    std::string component;
    flow::host::StateStore* store = nullptr;
    std::map<PageKey, Manifest::Page> written;  // the writer's
  };
  struct Checkpoint {
    std::uint64_t id = 0;
    std::int64_t time = 0;
    std::vector<std::shared_ptr<Entry>> entries;
    std::map<std::string, std::string> parts;
    CheckpointStore::Done done;
    bool finished = false;
    bool abandoned = false;
    std::string problem;
  };
  using Entries = std::vector<std::shared_ptr<Entry>>;

  void run();
  // One step for the checkpoint under way. False: nothing to do now.
  bool step(std::unique_lock<std::mutex>& lock);
  // Writes one page of those that nobody has written. False: there is none just now.
  bool write_page(const Entries& entries);
  // Everything is frozen and written: manifest and all. Throws.
  void complete(const Checkpoint& checkpoint);
  Manifest assemble(const Checkpoint& checkpoint);
  // Writes the live pages of files again that consist mostly of others.
  void compact(Manifest& manifest);
  void remove_unneeded();
  // Gives up the current one: for `problem`, or without if it was abandoned.
  void give_up(std::unique_lock<std::mutex>& lock, const std::string& problem);
  void remove_files_of(std::uint64_t id);

  const std::filesystem::path folder_;
  const std::size_t keep_;
  const File lock_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_, idle_;
  std::optional<Checkpoint> current_;
  std::uint64_t next_id_ = 1;
  WrittenCheckpoint written_;
  bool stopping_ = false;

  // The writer's thread's while a checkpoint is under way.
  std::vector<Manifest> kept_;  // oldest first
  bool has_base_ = false;       // the last of them is what unchanged pages are in
  std::optional<PageFile> pages_;
  WrittenCheckpoint counts_;

  std::thread thread_;
};

}  // namespace flowrun
