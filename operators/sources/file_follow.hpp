// Files that are read as they grow, whatever becomes of their names.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/wake_event.hpp"
#include "operators/sources/file_patterns.hpp"
#include "operators/sources/file_tail.hpp"
#include "operators/sources/file_watch.hpp"

namespace flow::operators {

// Every file is a partition, `PATH#INODE` with the path that it was found under; a file that is
// truncated ends its stream and begins another one in the same partition.
//
// A file is *attached* while its name matches, and *detached* once it was renamed or removed: then
// it is read to its end through the descriptor, which is kept until nothing came for `rotate_wait`.
// Names are followed through every rename that the folders' queue tells of, so that files that were
// renamed before they could be opened are still found. One poll emits at most one batch.
class FileFollower {
 public:
  struct Settings {
    std::vector<std::string> patterns;
    int64_t read_size = 0;
    bool from_end = false;  // of files that are there at the start
    std::optional<int64_t> partial_timeout;
    int64_t rotate_wait = 0;
    int64_t max_open_files = 0;
  };

  // `keep` makes a name last as long as the pipeline.
  FileFollower(Settings settings, std::function<const char*(const std::string&)> keep);

  void open(Output& out);
  Status poll(SourceOutput& out);
  void assign(const std::string& partition, std::optional<std::string_view> position);
  void revoke(const std::string& partition);
  void wake() { wake_.wake(); }  // [any]

 private:
  struct Followed {
    FileIdentity identity;
    std::string partition;
    std::string home;  // the last matching path that it had
    std::string path;  // the present one; empty: unknown
    std::unique_ptr<FileTail> tail;
    std::optional<int> watch;
    bool assigned = false;
    bool ready = false;  // in ready_: there may be something to read
    bool detached = false;
    bool partial = false;     // the last piece ended in mid-line, and so far that is all
    int64_t last_change = 0;  // by the host's clock: something came, or it was detached
    uint64_t last_read = 0;   // number of the read, to find what is idle for longest
  };
  using Files = std::map<FileIdentity, Followed>;
  // A file that is to be opened: under which name, and the matching path that it had.
  using Pending = std::map<std::string, std::string>;
  struct Opened {
    std::string path;
    std::string home;
    FileDescriptor file;
    std::optional<FileFacts> facts;
    int error = 0;
  };

  // Names (file_follow_names.cpp).
  void look_around(SourceOutput& out);
  void scan(SourceOutput& out);
  void drain_names();
  void drain_writes();
  void apply(const NameChange& change);
  void set_path(Followed& file, const std::string& path);
  Followed* at_path(const std::string& path);
  void attach(Followed& file, const std::string& path);
  void detach(Followed& file);
  bool is_at_home(const Followed& file) const;
  void open_pending(SourceOutput& out);
  std::vector<Opened> open_candidates();
  Followed* adopt(Opened opened, bool settled);
  void start_partition(Followed& file);
  void complain(const Opened& opened);
  void warn_once(const std::string& path, const std::string& message);

  // Files.
  void mark_ready(Followed& file);
  bool make_room(bool even_ready);
  void ensure_open(Followed& file);
  bool read_one(SourceOutput& out);
  bool read(Followed& file, SourceOutput& out);
  FileTail::Outcome read_tail(FileTail& tail, BytePiece& piece);
  void end_stream(Followed& file);
  bool look_after_restless(SourceOutput& out);
  void let_go(FileIdentity identity);
  bool tell_end(SourceOutput& out);
  void restore(const std::string& partition, const TailPosition& position);
  Followed* find_restored(const std::string& home, const TailPosition& position);
  void count(const FileTail& tail, int64_t sign);
  void report() const;

  Settings settings_;
  FilePatterns patterns_;
  std::function<const char*(const std::string&)> keep_;
  Host host_{nullptr};  // the operator's own, from open on
  FolderWatch names_;
  WriteWatch writes_;
  WakeEvent wake_;

  Files files_;
  std::map<std::string, FileIdentity> by_partition_;
  std::map<std::string, FileIdentity> by_path_;
  std::unordered_map<int, FileIdentity> by_watch_;
  Pending pending_;
  std::list<FileIdentity> ready_;
  std::set<FileIdentity> restless_;  // detached, or waiting with half a line, or not watched
  // Files that were let go, oldest first: one that is seen again goes on where it ended.
  std::map<FileIdentity, TailPosition> gone_;
  std::deque<FileIdentity> gone_order_;
  // Ends of streams that are still to be told: partition and position.
  std::deque<std::pair<std::string, std::string>> skipped_;
  std::deque<std::pair<std::string, std::string>> ends_;
  std::set<std::string> warned_;  // paths

  bool starting_ = true;
  bool scan_wanted_ = false;
  int64_t next_scan_ = 0;  // by the host's clock
  int64_t next_look_ = 0;  // at files that cannot be watched
  uint64_t reads_ = 0;
  int64_t open_ = 0;            // descriptors
  int64_t finished_bytes_ = 0;  // read of files and contents that are gone
  int64_t read_bytes_ = 0;      // of files_
  int64_t file_bytes_ = 0;      // sizes of files_
  Metric rotations_, truncations_, read_errors_, overflows_, open_files_, bytes_read_, bytes_total_;
};

}  // namespace flow::operators
