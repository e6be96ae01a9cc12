// What happens to folders and to open files, as inotify tells it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "operators/common/file_descriptor.hpp"

namespace flow::operators {

// What became of a name in a folder.
struct NameChange {
  enum class Kind { kAppeared, kGone, kMoved };
  Kind kind;
  std::string path;
  std::string to;  // of kMoved
};

// Makes changes of what the system tells, which is of a move that a name left and that one arrived.
// The folders of both are locked until both are told: nothing else is told of them in between, but
// it may take its time. A name that moved to where nobody looks leaves only. Not thread-safe.
class NameChanges {
 public:
  using Clock = std::chrono::steady_clock;

  // `folder`: a number of the folder that it happened in. All append.
  void appeared(int folder, std::string path, std::vector<NameChange>& changes);
  void gone(int folder, std::string path, std::vector<NameChange>& changes);
  void left(int folder, uint32_t move, std::string path, Clock::time_point now,
            std::vector<NameChange>& changes);
  void arrived(int folder, uint32_t move, std::string path, std::vector<NameChange>& changes);
  // What left long ago is gone, and what left a folder that is looked at no more.
  void settle(Clock::time_point now, std::vector<NameChange>& changes);
  void settle(int folder, std::vector<NameChange>& changes);
  // The name left, and may yet arrive as another one.
  bool is_moving(const std::string& path) const;

 private:
  static constexpr std::chrono::seconds kLongest{1};

  struct Departure {
    int folder;
    uint32_t move;
    std::string path;
    Clock::time_point since;
  };

  std::vector<Departure> departures_;  // at most one a folder
};

// Names that appear, vanish and change in some folders. A queue of its own, so that files that are
// written to do not fill it. Not thread-safe.
class FolderWatch {
 public:
  FolderWatch();
  // False: it cannot be watched. Costs nothing for a folder that is watched already.
  bool watch(const std::string& folder);
  // Appends what has happened since the last call, in order. False: something was missed or a
  // folder itself went away, so that one must look at everything.
  bool drain(std::vector<NameChange>& changes);
  bool is_moving(const std::string& path) const { return changes_.is_moving(path); }
  // Readable when something has happened; negative where the system allows no watches.
  int descriptor() const { return queue_.get(); }

 private:
  std::string path_of(int watch, const char* name) const;
  void forget(int watch);

  FileDescriptor queue_;
  std::map<std::string, int> watches_;            // by folder
  std::unordered_map<int, std::string> folders_;  // by watch
  NameChanges changes_;
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
