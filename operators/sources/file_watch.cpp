#include "operators/sources/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

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

bool FolderWatch::drain(std::vector<Change>& changes) {
  bool complete = true;
  if (queue_) {
    read_events(queue_.get(), [&](const inotify_event& event, const char* name) {
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        complete = false;
      } else if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0) {
        complete = false;
        ::inotify_rm_watch(queue_.get(), event.wd);
        forget(event.wd);
      } else if ((event.mask & IN_IGNORED) != 0) {
        forget(event.wd);
      } else if ((event.mask & IN_MOVED_FROM) != 0) {
        departures_[event.cookie] = {path_of(event.wd, name), false};
      } else if ((event.mask & IN_MOVED_TO) != 0) {
        std::string path = path_of(event.wd, name);
        const auto left = departures_.find(event.cookie);
        if (left == departures_.end()) {
          changes.push_back({Change::Kind::kAppeared, std::move(path), {}});
        } else {
          changes.push_back({Change::Kind::kMoved, left->second.path, std::move(path)});
          departures_.erase(left);
        }
      } else if ((event.mask & IN_CREATE) != 0) {
        changes.push_back({Change::Kind::kAppeared, path_of(event.wd, name), {}});
      } else if ((event.mask & IN_DELETE) != 0) {
        changes.push_back({Change::Kind::kGone, path_of(event.wd, name), {}});
      }
    });
  }
  // The two halves of a move may be told in two calls, but not further apart.
  for (auto at = departures_.begin(); at != departures_.end();) {
    if (std::exchange(at->second.seen_before, true)) {
      changes.push_back({Change::Kind::kGone, at->second.path, {}});
      at = departures_.erase(at);
    } else {
      ++at;
    }
  }
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
