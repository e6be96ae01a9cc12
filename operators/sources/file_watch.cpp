#include "operators/sources/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace flow::operators {
namespace {

constexpr size_t kQueueBytes = 16 * 1024;  // read at a time: some 300 events

// Hands every waiting event to `take(event, name)`.
template <class Take>
void read_events(int queue, Take take) {
  alignas(inotify_event) std::array<char, kQueueBytes> bytes;
  while (true) {
    const ssize_t n = ::read(queue, bytes.data(), bytes.size());
    if (n <= 0) return;
    for (const char* at = bytes.data(); at < bytes.data() + n;) {
      inotify_event event{};
      std::memcpy(&event, at, sizeof event);
      take(event, event.len > 0 ? at + sizeof event : "");
      at += sizeof event + event.len;
    }
  }
}

}  // namespace

void NameChanges::appeared(int folder, std::string path, std::vector<NameChange>& changes) {
  settle(folder, changes);
  changes.push_back({NameChange::Kind::kAppeared, std::move(path), {}});
}

void NameChanges::gone(int folder, std::string path, std::vector<NameChange>& changes) {
  settle(folder, changes);
  changes.push_back({NameChange::Kind::kGone, std::move(path), {}});
}

void NameChanges::left(int folder, uint32_t move, std::string path, Clock::time_point now,
                       std::vector<NameChange>& changes) {
  settle(folder, changes);
  departures_.push_back({folder, move, std::move(path), now});
}

void NameChanges::arrived(int folder, uint32_t move, std::string path,
                          std::vector<NameChange>& changes) {
  const auto left = std::find_if(departures_.begin(), departures_.end(),
                                 [&](const Departure& one) { return one.move == move; });
  if (left == departures_.end()) {
    appeared(folder, std::move(path), changes);
    return;
  }
  std::string from = std::move(left->path);
  departures_.erase(left);
  settle(folder, changes);
  changes.push_back({NameChange::Kind::kMoved, std::move(from), std::move(path)});
}

void NameChanges::settle(int folder, std::vector<NameChange>& changes) {
  const auto left = std::find_if(departures_.begin(), departures_.end(),
                                 [&](const Departure& one) { return one.folder == folder; });
  if (left == departures_.end()) return;
  changes.push_back({NameChange::Kind::kGone, std::move(left->path), {}});
  departures_.erase(left);
}

void NameChanges::settle(Clock::time_point now, std::vector<NameChange>& changes) {
  while (!departures_.empty() && now - departures_.front().since >= kLongest) {
    settle(departures_.front().folder, changes);
  }
}

bool NameChanges::is_moving(const std::string& path) const {
  return std::any_of(departures_.begin(), departures_.end(),
                     [&](const Departure& one) { return one.path == path; });
}

FolderWatch::FolderWatch() : queue_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

bool FolderWatch::watch(const std::string& folder) {
  if (watches_.contains(folder)) return true;
  if (!queue_) return false;
  const int watch =
      ::inotify_add_watch(queue_.get(), folder.c_str(),
                          IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF |
                              IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK);
  if (watch < 0) return false;
  // Two names of one folder are one watch: the first name stays.
  if (folders_.emplace(watch, folder).second) watches_.emplace(folder, watch);
  return true;
}

std::string FolderWatch::path_of(int watch, const char* name) const {
  const auto found = folders_.find(watch);
  if (found == folders_.end()) return {};
  std::string path = found->second;
  if (path == ".") return name;
  if (path.back() != '/') path += '/';
  return path += name;
}

void FolderWatch::forget(int watch) {
  const auto found = folders_.find(watch);
  if (found == folders_.end()) return;
  watches_.erase(found->second);
  folders_.erase(found);
}

bool FolderWatch::drain(std::vector<NameChange>& changes) {
  bool complete = true;
  const auto now = NameChanges::Clock::now();
  if (queue_) {
    read_events(queue_.get(), [&](const inotify_event& event, const char* name) {
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        complete = false;
      } else if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0) {
        complete = false;
        ::inotify_rm_watch(queue_.get(), event.wd);
        changes_.settle(event.wd, changes);
        forget(event.wd);
      } else if ((event.mask & IN_IGNORED) != 0) {
        changes_.settle(event.wd, changes);
        forget(event.wd);
      } else if ((event.mask & IN_MOVED_FROM) != 0) {
        changes_.left(event.wd, event.cookie, path_of(event.wd, name), now, changes);
      } else if ((event.mask & IN_MOVED_TO) != 0) {
        changes_.arrived(event.wd, event.cookie, path_of(event.wd, name), changes);
      } else if ((event.mask & IN_CREATE) != 0) {
        changes_.appeared(event.wd, path_of(event.wd, name), changes);
      } else if ((event.mask & IN_DELETE) != 0) {
        changes_.gone(event.wd, path_of(event.wd, name), changes);
      }
    });
  }
  changes_.settle(now, changes);
  return complete;
}

WriteWatch::WriteWatch() : queue_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

std::optional<int> WriteWatch::add(int file) {
  if (!queue_) return std::nullopt;
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  const int watch = ::inotify_add_watch(queue_.get(), path.c_str(), IN_MODIFY);
  if (watch < 0) return std::nullopt;
  return watch;
}

void WriteWatch::remove(int watch) { ::inotify_rm_watch(queue_.get(), watch); }

bool WriteWatch::drain(std::vector<int>& watches) {
  bool complete = true;
  if (!queue_) return complete;
  read_events(queue_.get(), [&](const inotify_event& event, const char*) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) complete = false;
    if ((event.mask & IN_MODIFY) != 0) watches.push_back(event.wd);
  });
  return complete;
}

}  // namespace flow::operators
