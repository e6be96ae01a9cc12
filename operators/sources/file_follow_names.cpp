// Which files there are to follow, and what becomes of their names.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>
#include <utility>

#include "operators/sources/file_follow.hpp"
#include "operators/sources/file_paths.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kScanPause = 1'000'000'000;
constexpr int64_t kScanShare = 50;  // a scan takes at most one part in so many of the time
constexpr int kRounds = 8;          // of opening what is renamed meanwhile
constexpr int64_t kOpenedAtOnce = 64;

}  // namespace

void FileFollower::look_around(SourceOutput& out) {
  drain_names();
  drain_writes();
  if (scan_wanted_ || host_.now() >= next_scan_) scan(out);
  if (!pending_.empty()) open_pending(out);
}

void FileFollower::drain_writes() {
  std::vector<int> written;
  if (!writes_.drain(written)) {
    for (auto& [identity, file] : files_) mark_ready(file);
  }
  for (const int watch : written) {
    const auto found = by_watch_.find(watch);
    if (found != by_watch_.end()) mark_ready(files_.at(found->second));
  }
}

void FileFollower::drain_names() {
  std::vector<NameChange> changes;
  if (!names_.drain(changes)) {
    scan_wanted_ = true;
    overflows_.record(1);
  }
  for (const NameChange& change : changes) apply(change);
}

// Everything by its name: finds what no event tells of (folders that are new, links, network file
// systems).
void FileFollower::scan(SourceOutput& out) {
  const auto begin = std::chrono::steady_clock::now();
  scan_wanted_ = false;
  for (const std::string& folder : patterns_.folders()) {
    if (!names_.watch(folder) && errno != ENOENT && errno != ENOTDIR) {
      warn_once(folder, "cannot be watched (" + error_text(errno) +
                            "): changes of names are looked for once a second; raise "
                            "fs.inotify.max_user_watches and max_user_instances");
    }
  }
  const FoundFiles found = find_files(patterns_.all());
  if (starting_ && !found.problems.empty()) {
    throw Failure("file source: " + found.problems.front());
  }
  for (const std::string& problem : found.problems) warn_once(problem, problem);
  for (const FoundFile& candidate : found.files) {
    if (has_packed_name(candidate.path)) {
      warn_once(candidate.path, "is compressed and not followed");
      continue;
    }
    const auto facts = file_facts(candidate.path);
    if (!facts) continue;
    const auto known = files_.find(facts->identity);
    if (known == files_.end()) {
      pending_.emplace(candidate.path, candidate.path);
      continue;
    }
    Followed& file = known->second;
    if (file.detached || file.path.empty()) attach(file, candidate.path);
    if (facts->bytes != file.tail->offset()) mark_ready(file);
  }
  for (auto& [identity, file] : files_) {
    if (!file.detached && !is_at_home(file)) detach(file);
  }
  if (starting_) open_pending(out);
  const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - begin;
  next_scan_ = host_.now() + std::max(kScanPause, kScanShare * took.count());
}

// ---- names ----

FileFollower::Followed* FileFollower::at_path(const std::string& path) {
  const auto found = by_path_.find(path);
  return found != by_path_.end() ? &files_.at(found->second) : nullptr;
}

void FileFollower::set_path(Followed& file, const std::string& path) {
  if (!file.path.empty()) by_path_.erase(file.path);
  if (!path.empty()) {
    if (Followed* const other = at_path(path)) other->path.clear();
    by_path_[path] = file.identity;
  }
  file.path = path;
}

void FileFollower::attach(Followed& file, const std::string& path) {
  set_path(file, path);
  file.home = path;
  file.detached = false;
  mark_ready(file);
}

void FileFollower::detach(Followed& file) {
  if (file.detached) return;
  file.detached = true;
  file.last_change = host_.now();
  restless_.insert(file.identity);
  rotations_.record(1);
  mark_ready(file);
}

bool FileFollower::is_at_home(const Followed& file) const {
  const auto facts = file_facts(file.home);
  return facts && facts->identity == file.identity;
}

// Changes are told after they happened, so that a file may have been seen under a later name than
// the one that is told of now: what is set wrong here is found out before a file is let go.
void FileFollower::apply(const NameChange& change) {
  using Kind = NameChange::Kind;
  const auto leaves = [this](const std::string& path) {
    Followed* const file = at_path(path);
    if (file == nullptr) return;
    set_path(*file, "");
    detach(*file);
  };
  const auto is_wanted = [this](const std::string& path) {
    return patterns_.match(path) && !has_packed_name(path);
  };
  if (change.kind != Kind::kMoved) {
    leaves(change.path);
    if (change.kind == Kind::kAppeared && is_wanted(change.path)) {
      pending_[change.path] = change.path;
    }
    return;
  }
  leaves(change.to);
  const bool wanted = is_wanted(change.to);
  Followed* const file = at_path(change.path);
  const auto waiting = pending_.find(change.path);
  if (waiting != pending_.end() || (file == nullptr && is_wanted(change.path))) {
    const std::string home = waiting != pending_.end() ? waiting->second : change.path;
    if (waiting != pending_.end()) pending_.erase(waiting);
    pending_[change.to] = wanted ? change.to : home;
  } else if (wanted) {
    pending_[change.to] = change.to;
  }
  if (file == nullptr) return;
  if (wanted) {
    attach(*file, change.to);
  } else {
    set_path(*file, change.to);
    detach(*file);
    mark_ready(*file);  // it may have been closed, and not found under its name before
  }
}

// ---- opening ----

// A file may be renamed between being told of and being opened. So what happened meanwhile is read
// before an opened file is taken for the one that was meant; with names that change all the time
// it takes some rounds.
void FileFollower::open_pending(SourceOutput& out) {
  for (int round = 0; round < kRounds && !pending_.empty(); ++round) {
    std::vector<Opened> candidates = open_candidates();
    if (candidates.empty()) return;
    std::vector<NameChange> changes;
    if (!names_.drain(changes)) {
      scan_wanted_ = true;
      overflows_.record(1);
    }
    std::set<std::string> touched;
    for (const NameChange& change : changes) {
      touched.insert(change.path);
      touched.insert(change.to);
    }
    bool all_moving = true;
    for (Opened& opened : candidates) {
      const bool renamed = touched.contains(opened.path);
      // Where to is not told yet, and since nothing else is: what could be opened is the one.
      const bool moving = !renamed && names_.is_moving(opened.path);
      const bool settled = !renamed && !moving;
      all_moving &= moving;
      if (settled) pending_.erase(opened.path);
      if (!opened.facts || !opened.facts->regular) {
        if (settled) complain(opened);
        continue;
      }
      // What was found under a matching name is ours whatever it is called by now.
      if (renamed && opened.path != opened.home) continue;
      if (moving) pending_.erase(opened.path);
      const bool known = files_.contains(opened.facts->identity);
      const Followed* const file = adopt(std::move(opened), settled);
      if (!known) out.offer(file->partition);
    }
    for (const NameChange& change : changes) apply(change);
    if (all_moving) return;
  }
}

std::vector<FileFollower::Opened> FileFollower::open_candidates() {
  std::vector<Opened> candidates;
  if (!make_room(false)) return candidates;
  const auto most = std::min(kOpenedAtOnce, settings_.max_open_files - open_);
  for (const auto& [path, home] : pending_) {
    if (static_cast<int64_t>(candidates.size()) >= most) break;
    Opened opened{path, home, {}, {}, 0};
    opened.file = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (opened.file) opened.facts = file_facts(opened.file.get());
    if (!opened.facts) opened.error = errno;
    if (opened.error == EMFILE || opened.error == ENFILE || opened.error == ENOMEM) break;
    candidates.push_back(std::move(opened));
  }
  return candidates;
}

void FileFollower::complain(const Opened& opened) {
  if (opened.facts) {
    warn_once(opened.path, "is no regular file: it is not followed");
    return;
  }
  if (opened.error == ENOENT) {
    host_.warn("file source: " + quote(opened.home) + " was removed before it could be opened");
  } else {
    warn_once(opened.path, "cannot be opened: " + error_text(opened.error));
  }
  read_errors_.record(1);
}

void FileFollower::warn_once(const std::string& path, const std::string& message) {
  if (!warned_.insert(path).second) return;
  host_.warn("file source: " + (path == message ? message : quote(path) + " " + message));
}

// `settled`: the file has the name that it was opened by.
FileFollower::Followed* FileFollower::adopt(Opened opened, bool settled) {
  const FileIdentity identity = opened.facts->identity;
  const auto [found, is_new] = files_.try_emplace(identity);
  Followed& file = found->second;
  if (!is_new) {
    if (settled && patterns_.match(opened.path)) {
      attach(file, opened.path);
    } else if (settled) {
      set_path(file, opened.path);
    }
    return &file;
  }
  file.identity = identity;
  file.home = opened.home;
  file.last_change = host_.now();
  file.watch = writes_.add(opened.file.get());
  if (file.watch) by_watch_[*file.watch] = identity;
  if (!file.watch) restless_.insert(identity);
  file.tail = std::make_unique<FileTail>(std::move(opened.file), *opened.facts, opened.home);
  ++open_;
  const auto gone = gone_.find(identity);
  if (gone != gone_.end()) {
    if (!file.tail->seek(gone->second)) file.tail->start_over();
  } else if (starting_ && settings_.from_end) {
    file.tail->seek_end();
  }
  count(*file.tail, 1);
  start_partition(file);
  if (settled) set_path(file, opened.path);
  if (!settled || !patterns_.match(opened.path)) detach(file);
  return &file;
}

void FileFollower::start_partition(Followed& file) {
  file.partition = file.home + "#" + std::to_string(file.identity.inode);
  // An earlier file had the same name and the inode that is this one's now.
  const auto earlier = by_partition_.find(file.partition);
  if (earlier != by_partition_.end()) let_go(earlier->second);
  by_partition_[file.partition] = file.identity;
}

}  // namespace flow::operators
