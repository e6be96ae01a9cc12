// What happens to folders and to open files, as inotify tells it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "operators/common/file_descriptor.hpp"

namespace flow::operators {

// Names that appear, vanish and change in some folders. A queue of its own, so that files that are
// written to do not fill it. Not thread-safe.
class FolderWatch {
 public:
  struct Change {
    enum class Kind { kAppeared, kGone, kMoved };
    Kind kind;
    std::string path;
    std::string to;  // of kMoved
  };

  FolderWatch();
  // False: it cannot be watched. Costs nothing for a folder that is watched already.
  bool watch(const std::string& folder);
  // Appends what has happened since the last call, in order. False: something was missed or a
  // folder itself went away, so that one must look at everything.
  bool drain(std::vector<Change>& changes);
  // Readable when something has happened; negative where the system allows no watches.
  int descriptor() const { return queue_.get(); }

 private:
  // A name that left; it may turn up as another one.
  struct Departure {
    std::string path;
    bool seen_before;  // by an earlier drain
  };

  std::string path_of(int watch, const char* name) const;
  void forget(int watch);

  FileDescriptor queue_;
  std::map<std::string, int> watches_;            // by folder
  std::unordered_map<int, std::string> folders_;  // by watch
  std::map<uint32_t, Departure> departures_;      // by the system's number of the move
};

// Open files that were written to. It follows the file, not its name. Not thread-safe.
class WriteWatch {
 public:
  WriteWatch();
  // The watch's number; nothing where the system allows no more. The file may be closed afterwards.
  std::optional<int> add(int file);
  void remove(int watch);
  // Appends the numbers of files that were written to or truncated. False: some were missed.
  bool drain(std::vector<int>& watches);
  int descriptor() const { return queue_.get(); }

 private:
  FileDescriptor queue_;
};

}  // namespace flow::operators
