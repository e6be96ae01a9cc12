// Many files at once: paths made of the rows, rolled and compressed ones.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "operators/common/compression.hpp"
#include "operators/common/file_descriptor.hpp"
#include "operators/common/path_template.hpp"
#include "operators/sinks/file_begun.hpp"
#include "operators/sinks/file_handle.hpp"
#include "operators/sinks/file_names.hpp"
#include "operators/sinks/file_target.hpp"

namespace flow::operators {

// How the files of a set are written.
struct FileSetPlan {
  bool replaces = false;
  Compression compression = Compression::kNone;
  int level = 0;
  int64_t roll_size = 0;            // bytes before compression; 0: whatever the size
  int64_t roll_every = 0;           // nanoseconds; 0: however long
  bool roll_at_checkpoint = false;  // no file crosses a checkpoint
  size_t most_open = 256;

  bool rolls() const { return roll_size > 0 || roll_every > 0 || roll_at_checkpoint; }
  // Files are named ".part" until they are finished; the others are added to in place.
  bool staged() const { return replaces || rolls() || compression != Compression::kNone; }
};

// Takes the encoded column, and the columns of the template's fields behind it. Rows are gathered
// file by file (64 KiB each, 256 KiB where they are compressed, 1 MiB where there is one file; at
// most 16 MiB in all) and written in pieces; files that are added to in place get theirs at the end
// of each batch, so that readers see them.
//
// Every call goes on where one that threw Retry stopped: no row is written twice, none is left out.
class FileSet final : public FileTarget {
 public:
  FileSet(PathTemplate path, std::string place, const FileSetPlan& plan);

  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;
  std::string prepare() override;
  void settle(std::string_view handle, bool commits) override;
  void close(bool drained, Output& out) override;

 private:
  struct File {
    std::string path;                // as the template made it
    std::string target, final_path;  // of the current file; empty: none is begun
    int64_t number = -1;             // none yet
    int64_t length = 0;              // bytes in the target
    int64_t rolled = 0;              // bytes given to it before compression
    int64_t begun_at = 0;            // nanoseconds since 1970
    int64_t prologue = 0;            // prologue_mark of what it begins with; 0: of nothing so far
    int64_t refused_prologue = 0;    // it was looked up, and the file does not begin with it
    bool unsynced = false;
    bool touched = false;  // by the batch under way
    FileDescriptor descriptor;
    std::list<File*>::iterator recent;  // while it is open
    Buffer gathered;
    int64_t used = 0;  // of gathered
    int64_t done = 0;  // of used, written already

    bool begun() const { return !target.empty(); }
  };
  // A compressed frame on its way into its file.
  struct Frame {
    File* file = nullptr;  // NULL: none
    std::string bytes;
    size_t done = 0;
  };
  // A row that cannot be written, until all rows of its batch have been looked at.
  struct Refusal {
    int64_t row;
    const char* reason;
    std::string message;
  };

  void route(const Batch& in, Output& out);
  File* route_row(int64_t row);
  std::optional<std::string> begin(File& file);
  std::optional<std::string> open_target(File& file, int flags);
  void reopen(File& file);
  void close_oldest();
  void close_file(File& file);
  bool takes_prologue(File& file) const;
  bool has_other_prologue(const File& file) const;
  void append_row(File& file, std::string_view row);
  void append(File& file, std::string_view bytes);
  bool is_full(const File& file) const;
  void finish_due();
  void finish(File& file);
  void end(File& file);
  void flush(File& file);
  void flush_all();
  void finish_frame();
  void write(File& file, std::string_view bytes, size_t& done);
  void sync(File& file);
  void take_names();
  void go_on(const FileHandle::Open& handle);
  void forget();

  const PathTemplate path_;
  const std::string place_;  // "file sink: 'out/{country}.ndjson'"
  const FileSetPlan plan_;
  const int64_t piece_bytes_;  // gathered before they are written
  PathMaker maker_;
  std::unique_ptr<Compressor> compressor_;
  FileNumbers numbers_;
  std::optional<BegunFiles> begun_;  // of files that are added to in place, with checkpoints
  std::unordered_map<std::string, std::unique_ptr<File>> files_;
  std::list<File*> open_;  // most recently used first
  std::vector<File*> touched_;
  std::vector<FileHandle::Finished> finished_;  // waiting for commit, or for close
  std::set<std::string> new_folders_;           // with names that are not durable yet
  Frame frame_;
  int64_t gathered_ = 0;
  int64_t looked_at_ = 0;  // when files were last asked for their age
  bool used_ = false;      // processed something: handles are of its own making

  // Of the batch under way:
  bool routed_ = false;
  std::string_view prologue_;  // of its rows
  int64_t prologue_mark_ = 0;
  std::vector<File*> routes_;  // NULL: failed
  std::vector<Refusal> refusals_;
  std::string row_path_;
  File* last_route_ = nullptr;
  int64_t next_row_ = 0;
  Output* out_ = nullptr;
};

}  // namespace flow::operators
