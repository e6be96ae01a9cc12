#include "operators/sinks/file_set.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "operators/common/guarded_write.hpp"
#include "operators/common/prologue.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kMostGathered = 16 << 20;
constexpr int64_t kFirstGathered = 4096;
constexpr int64_t kSecond = 1'000'000'000;

int64_t piece_bytes(bool one_file, bool compressed) {
  if (compressed) return one_file ? 1 << 20 : 256 << 10;
  return one_file ? 256 << 10 : 64 << 10;
}

// Whether another try can go better without a change to the path.
bool passes(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case EMFILE:
    case ENFILE:
    case EINTR:
    case ENOMEM:
    case ESTALE:
      return true;
    default:
      return false;
  }
}

// Beside the files, with a name made of the template.
std::string list_of_begun(const std::string& folder, const std::string& place) {
  constexpr size_t kLongest = 100;
  std::string name = place.substr(place.find('\'') + 1);
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain) c = '_';
  }
  if (name.size() > kLongest) name.erase(0, name.size() - kLongest);
  return (std::filesystem::path(folder) / ("." + name + ".begun")).string();
}

}  // namespace

FileSet::FileSet(PathTemplate path, std::string place, const FileSetPlan& plan)
    : path_(std::move(path)),
      place_(std::move(place)),
      plan_(plan),
      piece_bytes_(piece_bytes(!path_.has_fields(), plan.compression != Compression::kNone)),
      maker_(path_),
      compressor_(make_compressor(plan.compression, plan.level)) {}

void FileSet::open(Output& out) {
  out_ = &out;
  const std::string folder = path_.folder();
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw Failure(place_ + ": cannot make the folder " + quote(folder) + ": " + error.message());
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    throw Failure(place_ + ": cannot write into the folder " + quote(folder) + ": " +
                  error_text(errno));
  }
  if (!plan_.staged() && out.has_checkpoints())
    begun_.emplace(list_of_begun(folder, place_), place_);
  if (path_.has_fields()) {
    out.info(place_ + ": files are made as rows come, at most " + std::to_string(plan_.most_open) +
             " are open at once");
  }
}

// ---- rows to files ------------------------------------------------------------------------------

void FileSet::process(const Batch& in, Output& out) {
  const size_t columns = 1 + path_.fields().size();
  if (in.column_count() < columns || in.column(0).type != FLOW_BINARY) {
    throw Failure(place_ + " takes encoded bytes" +
                  (columns > 1 ? ", with the fields of its path beside them" : "") +
                  "; name a codec, eg: encoding = \"json\"");
  }
  used_ = true;
  prologue_ = prologue_of(in);
  prologue_mark_ = prologue_mark(prologue_);
  finish_frame();
  finish_due();
  if (!routed_) route(in, out);
  if (begun_) begun_->sync();
  const TextView rows(in.column(0));
  for (; next_row_ < rows.size(); ++next_row_) {
    File* file = routes_[static_cast<size_t>(next_row_)];
    if (file == nullptr) continue;
    // Before the row rather than behind it, so that a Retry in between repeats nothing.
    if (file->begun() && (is_full(*file) || has_other_prologue(*file))) finish(*file);
    if (!file->begun()) {
      if (const auto refused = begin(*file)) throw Retry(place_ + ": " + *refused);
    }
    if (file->used >= piece_bytes_) flush(*file);
    if (gathered_ >= kMostGathered) flush_all();
    append_row(*file, rows[next_row_]);
    if (!file->touched) {
      file->touched = true;
      touched_.push_back(file);
    }
  }
  while (!touched_.empty()) {
    File& file = *touched_.back();
    if (is_full(file)) {
      finish(file);
    } else if (!plan_.staged() || file.used >= piece_bytes_) {
      flush(file);
    }
    file.touched = false;
    touched_.pop_back();
  }
  routed_ = false;
  next_row_ = 0;
}

// Says which file each row goes to, and makes the files that are new. May be repeated after a
// Retry; rows fail once all of it has gone well.
void FileSet::route(const Batch& in, Output& out) {
  maker_.bind(in, 1, out);
  refusals_.clear();
  routes_.assign(static_cast<size_t>(in.rows()), nullptr);
  last_route_ = nullptr;
  for (int64_t row = 0; row < in.rows(); ++row) {
    routes_[static_cast<size_t>(row)] = route_row(row);
  }
  for (const Refusal& refusal : refusals_) {
    out.fail(in, refusal.row, refusal.reason, refusal.message);
  }
  routed_ = true;
}

FileSet::File* FileSet::route_row(int64_t row) {
  if (!path_.has_fields() && last_route_ != nullptr) return last_route_;
  switch (maker_.make(row, row_path_)) {
    case PathMaker::Outcome::kDone:
      break;
    case PathMaker::Outcome::kNoValue:
      refusals_.push_back(
          {row, "no_path", "the field '" + maker_.field() + "' has no value to make a path of"});
      return nullptr;
    case PathMaker::Outcome::kTooLong:
      refusals_.push_back({row, "path_too_long",
                           "the path begins " + quote(row_path_.substr(0, 100)) +
                               ", and a name has at most " +
                               std::to_string(PathTemplate::kMostNameBytes) + " bytes"});
      return nullptr;
  }
  if (last_route_ != nullptr && last_route_->path == row_path_) return last_route_;
  auto found = files_.find(row_path_);
  if (found == files_.end()) {
    auto made = std::make_unique<File>();
    made->path = row_path_;
    found = files_.emplace(row_path_, std::move(made)).first;
  }
  File& file = *found->second;
  if (!file.begun()) {
    if (const auto refused = begin(file)) {
      files_.erase(found);
      if (!path_.has_fields()) throw Failure(place_ + ": " + *refused);
      refusals_.push_back({row, "cannot_open", *refused});
      return nullptr;
    }
  }
  if (!takes_prologue(file)) {
    refusals_.push_back({row, "other_columns", other_columns_message(quote(file.target))});
    return nullptr;
  }
  last_route_ = &file;
  return last_route_;
}

// Whether the batch's rows may go into the file, or into the one that is begun for them.
bool FileSet::takes_prologue(File& file) const {
  if (plan_.rolls()) return true;
  const bool unknown = file.prologue == 0 && file.length > 0 && !plan_.staged();
  if (unknown && prologue_mark_ != 0 && file.refused_prologue != prologue_mark_) {
    const bool found = file_begins_with(file.target, prologue_);
    (found ? file.prologue : file.refused_prologue) = prologue_mark_;
  }
  return file.length + file.used == 0 || file.prologue == prologue_mark_;
}

bool FileSet::has_other_prologue(const File& file) const {
  return plan_.rolls() && file.length + file.used > 0 && file.prologue != prologue_mark_;
}

void FileSet::append_row(File& file, std::string_view row) {
  if (file.length + file.used == 0 && !prologue_.empty()) {
    append(file, prologue_);
    file.prologue = prologue_mark_;
  }
  append(file, row);
}

void FileSet::append(File& file, std::string_view bytes) {
  const auto size = static_cast<int64_t>(bytes.size());
  const int64_t needed = file.used + size;
  const int64_t capacity = file.gathered ? file.gathered->capacity : 0;
  if (needed > capacity) {
    const int64_t wanted = std::max({needed, std::min(2 * capacity, piece_bytes_), kFirstGathered});
    Buffer larger = out_->allocate(wanted);
    if (file.used > 0) {
      std::memcpy(larger->data, file.gathered->data, static_cast<size_t>(file.used));
    }
    file.gathered = std::move(larger);
  }
  if (size > 0) {
    std::memcpy(static_cast<char*>(file.gathered->data) + file.used, bytes.data(), bytes.size());
  }
  file.used = needed;
  file.rolled += size;
  gathered_ += size;
}

bool FileSet::is_full(const File& file) const {
  return plan_.roll_size > 0 && file.rolled >= plan_.roll_size;
}

// ---- one file -----------------------------------------------------------------------------------

// Makes the next file of a path. What it answers says why that can never be; Retry otherwise.
std::optional<std::string> FileSet::begin(File& file) {
  const std::string folder = parent_folder(file.path);
  std::error_code error;
  if (!folder.empty() && std::filesystem::create_directories(folder, error)) {
    new_folders_.insert(parent_folder(folder));
  }
  if (error) {
    const std::string message = "cannot make the folder " + quote(folder) + ": " + error.message();
    if (passes(error.value())) throw Retry(place_ + ": " + message);
    return message;
  }
  const bool numbered = plan_.staged() && !plan_.replaces;
  // A compressed file that is finished is not added to: the next one has a number.
  const int64_t least = std::max<int64_t>(plan_.rolls() ? 1 : 0, file.number + 1);
  file.number = numbered ? numbers_.take(file.path, least) : 0;
  std::string name = numbered_path(file.path, file.number);
  struct stat status {};
  const bool exists = ::stat(name.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) return quote(name) + " is there and no file";
  if (exists && plan_.replaces) name = std::filesystem::canonical(name).string();
  file.final_path = name;
  file.target = plan_.staged() ? name + kUnfinishedSuffix : name;
  auto refused = open_target(file, O_CREAT);
  if (!refused && ::fstat(file.descriptor.get(), &status) == 0) {
    file.length = plan_.staged() ? 0 : status.st_size;
    if (plan_.staged() && status.st_size > 0) {
      // What an unfinished run left.
      if (::ftruncate(file.descriptor.get(), 0) != 0) {
        refused = quote(file.target) + ": cannot truncate: " + error_text(errno);
      } else {
        out_->info("file sink: " + quote(file.target) + " (" + bytes_text(status.st_size) +
                   ") was left by an unfinished run: overwritten");
      }
    }
  }
  if (refused) {
    close_file(file);
    file.target.clear();
    return refused;
  }
  if (begun_) begun_->add(file.target, file.length);
  file.rolled = plan_.staged() ? 0 : file.length;
  file.prologue = 0;
  file.begun_at = out_->now();
  new_folders_.insert(folder);
  return std::nullopt;
}

// Opens and locks the target. What it answers says why that can never be; Retry otherwise.
std::optional<std::string> FileSet::open_target(File& file, int flags) {
  while (open_.size() >= plan_.most_open) close_oldest();
  const int descriptor =
      ::open(file.target.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | flags, 0666);
  if (descriptor < 0) {
    const int error = errno;
    if ((error == EMFILE || error == ENFILE) && !open_.empty()) {
      close_oldest();
      return open_target(file, flags);
    }
    const std::string message = quote(file.target) + ": cannot write: " + error_text(error);
    if (passes(error)) throw Retry(place_ + ": " + message);
    return message;
  }
  file.descriptor = FileDescriptor(descriptor);
  open_.push_front(&file);
  file.recent = open_.begin();
  // Some network file systems have no locks: then there is none.
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw Failure("file sink: " + quote(file.target) +
                  " is being written to by another sink or run; name another path, or wait for " +
                  "its end");
  }
  return std::nullopt;
}

void FileSet::reopen(File& file) {
  if (file.descriptor) {
    open_.splice(open_.begin(), open_, file.recent);
    return;
  }
  const auto refused = open_target(file, plan_.staged() ? 0 : O_CREAT);
  if (!refused) return;
  if (::access(file.target.c_str(), F_OK) != 0 && errno == ENOENT) {
    throw Failure("file sink: " + quote(file.target) + " (" + bytes_text(file.length) +
                  ") was removed by something else while it was being written");
  }
  throw Retry("file sink: " + *refused);
}

void FileSet::close_oldest() { close_file(*open_.back()); }

void FileSet::close_file(File& file) {
  if (!file.descriptor) return;
  open_.erase(file.recent);
  file.descriptor.reset();
}

void FileSet::write(File& file, std::string_view bytes, size_t& done) {
  reopen(file);
  file.unsynced = true;
  while (done < bytes.size()) {
    int error = 0;
    const ssize_t n = guarded_write(file.descriptor.get(), bytes.substr(done), error);
    if (n > 0) {
      done += static_cast<size_t>(n);
      file.length += n;
    } else if (error != EINTR && error != EAGAIN) {
      throw_write_error("file sink: " + quote(file.target), error,
                        static_cast<int64_t>(bytes.size() - done),
                        bytes_text(static_cast<int64_t>(bytes.size() - done)) + " not written");
    }
  }
}

void FileSet::finish_frame() {
  if (frame_.file == nullptr) return;
  write(*frame_.file, frame_.bytes, frame_.done);
  frame_.file = nullptr;
}

// Writes what was gathered for the file.
void FileSet::flush(File& file) {
  finish_frame();
  if (file.used == 0) return;
  const auto bytes = [&] {
    return std::string_view(static_cast<const char*>(file.gathered->data),
                            static_cast<size_t>(file.used));
  };
  if (compressor_ != nullptr) {
    compressor_->compress(bytes(), frame_.bytes);
    frame_.done = 0;
    frame_.file = &file;
  } else {
    auto done = static_cast<size_t>(file.done);
    try {
      write(file, bytes(), done);
    } catch (...) {
      file.done = static_cast<int64_t>(done);
      throw;
    }
  }
  gathered_ -= file.used;
  file.used = file.done = 0;
  if (path_.has_fields()) file.gathered = Buffer();
  finish_frame();
}

void FileSet::flush_all() {
  for (auto& [path, file] : files_) flush(*file);
}

void FileSet::sync(File& file) {
  if (!file.unsynced) return;
  reopen(file);
  make_durable(file.descriptor.get(), "file sink: " + quote(file.target));
  file.unsynced = false;
}

// Nothing more goes into the file: it has its name at once, or at the next commit.
void FileSet::finish(File& file) {
  end(file);
  if (!out_->has_checkpoints()) take_names();
}

// The same, and the name waits.
void FileSet::end(File& file) {
  flush(file);
  if (compressor_ != nullptr && file.length == 0) {
    // Nothing is no compressed stream.
    compressor_->compress({}, frame_.bytes);
    frame_.done = 0;
    frame_.file = &file;
    finish_frame();
  }
  if (plan_.staged()) {
    sync(file);
    finished_.push_back({file.target, file.final_path});
  }
  close_file(file);
  file.target.clear();
}

// Files that are older than they may become.
void FileSet::finish_due() {
  if (plan_.roll_every == 0) return;
  const int64_t now = out_->now();
  if (now - looked_at_ < std::min(kSecond, plan_.roll_every)) return;
  for (auto& [path, file] : files_) {
    if (file->begun() && now - file->begun_at >= plan_.roll_every) finish(*file);
  }
  looked_at_ = now;
  if (!routed_) forget();
}

void FileSet::take_names() {
  std::set<std::string> folders;
  for (; !finished_.empty(); finished_.pop_back()) {
    const FileHandle::Finished& file = finished_.back();
    rename_file(file.from, file.to, "file sink");
    folders.insert(parent_folder(file.to));
  }
  for (const std::string& folder : folders) make_folder_durable(folder);
}

// Paths without a file are not remembered: the folder knows their numbers.
void FileSet::forget() {
  for (auto at = files_.begin(); at != files_.end();) {
    at = at->second->begun() || at->second->touched ? std::next(at) : files_.erase(at);
  }
}

}  // namespace flow::operators
