#include "operators/sources/file_follow.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace flow::operators {
namespace {

constexpr int64_t kUnwatchedPause = 100'000'000;  // between looks at files that cannot be watched
constexpr size_t kGoneKept = 65'536;

}  // namespace

FileFollower::FileFollower(Settings settings, std::function<const char*(const std::string&)> keep)
    : settings_(std::move(settings)), patterns_(settings_.patterns), keep_(std::move(keep)) {}

void FileFollower::open(Output& out) {
  host_ = out;
  rotations_ = out.counter("file_rotations", "Followed files that were renamed or removed.");
  truncations_ = out.counter("file_truncations", "Followed files that were truncated.");
  read_errors_ =
      out.counter("file_read_errors", "Files that could not be read or decoded to their end.");
  overflows_ = out.counter("file_watch_overflows",
                           "Times that changes of names came faster than they could be taken.");
  open_files_ = out.gauge("files_open", "Followed files that are open.");
  bytes_total_ = out.gauge("source_bytes_total", "Bytes of all files, as stored.");
  bytes_read_ = out.gauge("source_bytes_read", "Bytes read of them.");
  SourceOutput offers(out);
  scan(offers);
  open_pending(offers);
  starting_ = false;
  if (files_.empty()) {
    out.info("file source: no file yet; waiting for one that matches `path`");
  }
  report();
}

Status FileFollower::poll(SourceOutput& out) {
  look_around(out);
  if (tell_end(out) || read_one(out) || look_after_restless(out)) return Status::kDone;
  wake_.wait({names_.descriptor(), writes_.descriptor()});
  look_around(out);
  return tell_end(out) || read_one(out) ? Status::kDone : Status::kIdle;
}

void FileFollower::assign(const std::string& partition, std::optional<std::string_view> position) {
  if (position) {
    const auto from = TailPosition::decode(*position);
    if (!from) {
      throw Failure("file source: the checkpoint's position for " + quote(partition) +
                    " was not written with `follow`; start afresh, without the checkpoint");
    }
    restore(partition, *from);
    return;
  }
  const auto found = by_partition_.find(partition);
  if (found == by_partition_.end()) {
    // Its file goes on under a name of the checkpoint.
    ends_.emplace_back(partition, TailPosition{}.encode());
    return;
  }
  Followed& file = files_.at(found->second);
  file.assigned = true;
  mark_ready(file);
}

void FileFollower::revoke(const std::string& partition) {
  const auto found = by_partition_.find(partition);
  if (found != by_partition_.end()) files_.at(found->second).assigned = false;
}

// ---- positions of a checkpoint ----

void FileFollower::restore(const std::string& partition, const TailPosition& position) {
  const std::string home = partition.substr(0, partition.rfind('#'));
  Followed* const file = find_restored(home, position);
  if (file == nullptr) {
    host_.warn("file source: " + quote(home) + " was renamed or removed and cannot be found; " +
               "what followed byte " + std::to_string(position.offset) + " of it is not read");
    read_errors_.record(1);
    ends_.emplace_back(partition, position.encode());
    return;
  }
  if (file->partition != partition) {
    if (file->assigned) ends_.emplace_back(file->partition, TailPosition{}.encode());
    by_partition_.erase(file->partition);
    by_partition_[partition] = file->identity;
    file->partition = partition;
  }
  ensure_open(*file);
  count(*file->tail, -1);
  if (file->tail->seek(position)) {
    host_.info("file source: " + quote(home) + ": going on at byte " +
               std::to_string(position.offset));
  } else {
    file->tail->start_over();
    host_.warn("file source: " + quote(home) + " was replaced or truncated: it is read from its " +
               "start");
  }
  count(*file->tail, 1);
  file->assigned = true;
  mark_ready(*file);
}

// The same file under any name in its folder; or, as on a volume that was restored, another one of
// its name that begins with the same kilobyte.
FileFollower::Followed* FileFollower::find_restored(const std::string& home,
                                                    const TailPosition& position) {
  const auto known = files_.find(position.identity);
  if (known != files_.end()) return &known->second;
  const std::string folder = folder_of(home);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), ::closedir);
  while (const dirent* const entry = entries ? ::readdir(entries.get()) : nullptr) {
    if (entry->d_ino != position.identity.inode) continue;
    const std::string path = folder == "." ? entry->d_name : folder + "/" + entry->d_name;
    Opened opened{path, home, FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), {}, 0};
    if (!opened.file) continue;
    opened.facts = file_facts(opened.file.get());
    if (!opened.facts || opened.facts->identity != position.identity) continue;
    return adopt(std::move(opened), true);
  }
  Followed* const present = at_path(home);
  if (present == nullptr || present->assigned) return nullptr;
  ensure_open(*present);
  const bool same = position.head_bytes == TailPosition::kHead && present->tail->seek(position);
  return same ? present : nullptr;
}

// ---- reading ----

void FileFollower::count(const FileTail& tail, int64_t sign) {
  read_bytes_ += sign * tail.offset();
  file_bytes_ += sign * std::max(tail.bytes(), tail.offset());
}

void FileFollower::report() const {
  bytes_total_.record(static_cast<double>(finished_bytes_ + file_bytes_));
  bytes_read_.record(static_cast<double>(finished_bytes_ + read_bytes_));
  open_files_.record(static_cast<double>(open_));
}

void FileFollower::mark_ready(Followed& file) {
  if (file.ready || !file.assigned) return;
  file.ready = true;
  ready_.push_back(file.identity);
}

// A descriptor for one more file. False: all that are open are being read, or cannot be opened
// again. `even_ready`: those that are still to be read may be closed as well.
bool FileFollower::make_room(bool even_ready) {
  while (open_ >= settings_.max_open_files) {
    Followed* idle = nullptr;  // may be opened again
    Followed* over = nullptr;  // read to its end, and its name is gone
    for (auto& [identity, file] : files_) {
      if (!file.tail->is_open() || (file.ready && !even_ready)) continue;
      const bool is_over = file.detached && file.assigned && !file.ready;
      if (!is_over && file.path.empty()) continue;
      Followed*& longest = is_over ? over : idle;
      if (longest == nullptr || file.last_read < longest->last_read) longest = &file;
    }
    // What was written under its name is seen once the name is known to be gone.
    if (over != nullptr && is_at_home(*over)) {
      attach(*over, over->home);
    } else if (over != nullptr && !over->tail->is_at_end()) {
      mark_ready(*over);
    } else if (over != nullptr) {
      let_go(over->identity);
    } else if (idle != nullptr) {
      idle->tail->close();
      --open_;
    } else {
      return false;
    }
  }
  return true;
}

// Throws Retry where it cannot be opened now, and leaves the tail closed where it is gone.
void FileFollower::ensure_open(Followed& file) {
  if (file.tail->is_open()) return;
  make_room(true);
  FileDescriptor descriptor(
      file.path.empty() ? -1 : ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!descriptor && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EINTR)) {
    throw Retry("file source: cannot read " + quote(file.path) + ": " + error_text(errno));
  }
  const auto facts = descriptor ? file_facts(descriptor.get()) : std::nullopt;
  if (!facts || facts->identity != file.identity) return;
  file.tail->reopen(std::move(descriptor));
  ++open_;
}

bool FileFollower::read_one(SourceOutput& out) {
  while (!ready_.empty()) {
    Followed& file = files_.at(ready_.front());
    if (file.assigned && read(file, out)) {
      ready_.splice(ready_.end(), ready_, ready_.begin());
      return true;
    }
    file.ready = false;
    ready_.pop_front();
  }
  return false;
}

FileTail::Outcome FileFollower::read_tail(FileTail& tail, BytePiece& piece) {
  count(tail, -1);
  try {
    const FileTail::Outcome outcome = tail.read(host_, settings_.read_size, piece);
    count(tail, 1);
    return outcome;
  } catch (...) {
    count(tail, 1);
    throw;
  }
}

// One piece of a file, or the end of a stream. False: there is nothing behind what was read.
bool FileFollower::read(Followed& file, SourceOutput& out) {
  ensure_open(file);
  if (!file.tail->is_open()) {
    if (!file.detached) detach(file);
    return false;
  }
  FileTail& tail = *file.tail;
  file.last_read = ++reads_;
  BytePiece piece;
  const FileTail::Outcome outcome = read_tail(tail, piece);
  switch (outcome) {
    case FileTail::Outcome::kNothingYet:
      break;
    case FileTail::Outcome::kTruncated:
      truncations_.record(1);
      end_stream(file);
      count(tail, -1);
      finished_bytes_ += tail.offset();
      tail.start_over();
      count(tail, 1);
      tell_end(out);
      break;
    case FileTail::Outcome::kPiece:
      file.last_change = host_.now();
      file.partial = !tail.at_line_end();
      if (file.partial && settings_.partial_timeout) restless_.insert(file.identity);
      out.emit(byte_batch(out.out(), piece, keep_(file.partition)), file.partition,
               tail.position().encode());
      break;
  }
  report();
  return outcome != FileTail::Outcome::kNothingYet;
}

void FileFollower::end_stream(Followed& file) {
  file.partial = false;
  ends_.emplace_back(file.partition, file.tail->position().encode());
}

bool FileFollower::tell_end(SourceOutput& out) {
  if (ends_.empty()) return false;
  const auto [partition, position] = std::move(ends_.front());
  ends_.pop_front();
  out.end(partition, position);
  return true;
}

// Lets files go that were detached for long enough, and ends half lines that wait for too long.
bool FileFollower::look_after_restless(SourceOutput& out) {
  const int64_t now = host_.now();
  const bool look = now >= next_look_;
  if (look) next_look_ = now + kUnwatchedPause;
  for (auto at = restless_.begin(); at != restless_.end();) {
    Followed& file = files_.at(*at);
    const int64_t silent = now - file.last_change;
    if (!file.watch && look) mark_ready(file);
    const bool waits = file.ready || !file.assigned;
    if (!waits && file.detached && silent >= settings_.rotate_wait) {
      if (is_at_home(file)) {
        attach(file, file.home);
      } else if (read(file, out)) {
        mark_ready(file);
        return true;
      } else {
        let_go(file.identity);
        return tell_end(out);
      }
    } else if (!waits && file.partial && settings_.partial_timeout &&
               silent >= *settings_.partial_timeout) {
      end_stream(file);
      return tell_end(out);
    } else if (!waits && !file.detached && !file.partial && file.watch) {
      at = restless_.erase(at);
    } else {
      ++at;
    }
  }
  return false;
}

// Ends its stream and closes it.
void FileFollower::let_go(FileIdentity identity) {
  Followed& file = files_.at(identity);
  if (!file.tail->is_open() && file.tail->bytes() > file.tail->offset()) {
    read_errors_.record(1);
    host_.warn("file source: " + quote(file.home) +
               " went away while it was closed; what followed " + "byte " +
               std::to_string(file.tail->offset()) + " of it is not read");
  }
  if (file.assigned) end_stream(file);
  count(*file.tail, -1);
  finished_bytes_ += file.tail->offset();
  if (file.tail->is_open()) --open_;
  if (file.watch) {
    writes_.remove(*file.watch);
    by_watch_.erase(*file.watch);
  }
  if (file.ready) ready_.remove(identity);
  if (gone_.emplace(identity, file.tail->position()).second) gone_order_.push_back(identity);
  if (gone_order_.size() > kGoneKept) {
    gone_.erase(gone_order_.front());
    gone_order_.pop_front();
  }
  restless_.erase(identity);
  set_path(file, "");
  by_partition_.erase(file.partition);
  files_.erase(identity);
  report();
}

}  // namespace flow::operators
