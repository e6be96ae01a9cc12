#include "operators/sinks/file_single.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "operators/common/prologue.hpp"

namespace flow::operators {
namespace {

constexpr int kWaitMilliseconds = 50;

std::string time_text(time_t seconds) {
  tm parts{};
  char text[32];
  gmtime_r(&seconds, &parts);
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts)};
}

// Handles of prepare: "1 <length> <path>".
std::string encode_handle(int64_t length, const std::string& path) {
  return "1 " + std::to_string(length) + " " + path;
}

// A file that is there is named without links, one that is not as it was written.
bool is_same_path(std::string_view one, const std::string& other) {
  std::error_code error;
  return one == other || std::filesystem::weakly_canonical(one, error) ==
                             std::filesystem::weakly_canonical(other, error);
}

struct Handle {
  int64_t length = 0;
  std::string_view path;
};

Handle decode_handle(std::string_view text) {
  Handle handle;
  if (text.substr(0, 2) == "1 ") {
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + 2, end, handle.length);
    if (error == std::errc() && rest != end && *rest == ' ' && handle.length >= 0) {
      handle.path = {rest + 1, static_cast<size_t>(end - rest - 1)};
      return handle;
    }
  }
  throw Failure("file sink: the checkpoint's handle was written by something else");
}

}  // namespace

SingleFile::SingleFile(std::string path, bool replaces)
    : path_(std::move(path)), mode_replaces_(replaces), writer_("file sink: " + quote(path_)) {}

SingleFile::~SingleFile() {
  struct stat status {};
  const bool is_new = file_ && regular_ && made_ && !begun_;
  if (is_new && ::fstat(file_.get(), &status) == 0 && status.st_size == 0) {
    ::unlink(target_.c_str());
  }
}

void SingleFile::open(Output& out) {
  out_ = &out;
  const std::string& path = path_;
  const std::string place = "file sink: " + quote(path);
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (path.back() == '/' || (exists && S_ISDIR(status.st_mode))) {
    throw Failure(place + " is a directory; name a file in it, eg: " +
                  quote((std::filesystem::path(path) / "out.ndjson").string()));
  }
  regular_ = !exists || S_ISREG(status.st_mode);
  replaces_ = regular_ && mode_replaces_;
  // Renaming to a link would put the file in the link's place.
  final_ = replaces_ && exists ? std::filesystem::canonical(path).string() : path;
  target_ = replaces_ ? final_ + kUnfinishedSuffix : final_;
  if (regular_) {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    std::error_code error;
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    if (error) {
      throw Failure(place + ": cannot make the folder " + quote(folder.string()) + ": " +
                    error.message());
    }
    open_file(out);
    return;
  }
  if (S_ISSOCK(status.st_mode)) throw Failure(place + " is a socket, which is not written to");
  if (::access(path.c_str(), W_OK) != 0) {
    throw Failure(place + ": cannot write: " + error_text(errno));
  }
  out.info(place + " is " + (S_ISFIFO(status.st_mode) ? "a pipe" : "a device") +
           ": written to as it is");
  connect(out);
}

void SingleFile::open_file(Output& out) {
  tell_what_was_there(out);
  attach();
}

void SingleFile::attach() {
  made_ = ::access(target_.c_str(), F_OK) != 0;
  // Not truncated yet: what an unfinished run left may be what a checkpoint is going on with.
  file_ = FileDescriptor(::open(target_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
  if (!file_) {
    throw Failure("file sink: " + quote(target_) + ": cannot write: " + error_text(errno) +
                  (errno == EACCES ? "; give this user write permission" : ""));
  }
  // Held until the file is closed. Some network file systems have no locks: then there is none.
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw Failure("file sink: " + quote(target_) + " is being written to by another sink or run; " +
                  "name another path, or wait for its end");
  }
  writer_.attach(file_.get());
}

void SingleFile::tell_what_was_there(Output& out) const {
  const std::string& path = path_;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    out.info("file sink: " + quote(path) + " is new");
  } else if (replaces_) {
    out.info("file sink: " + quote(path) + " exists (" + bytes_text(status.st_size) +
             ", modified " + time_text(status.st_mtime) +
             "): stays until this run finishes, then is replaced");
  } else {
    out.info("file sink: " + quote(path) + " exists, " + bytes_text(status.st_size) +
             ": appending");
    char last = '\n';
    const FileDescriptor existing(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (existing && ::pread(existing.get(), &last, 1, status.st_size - 1) == 1 && last != '\n') {
      out.warn("file sink: " + quote(path) + " does not end in a line break: its last record may " +
               "be cut off, and the first new one follows it on the same line");
    }
  }
}

// Opens a pipe or a device. False: a pipe that nobody reads yet.
bool SingleFile::connect(Output& out) {
  file_ = FileDescriptor(::open(target_.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (file_) {
    writer_.attach(file_.get());
    return true;
  }
  if (errno != ENXIO) {
    throw Failure("file sink: " + quote(target_) + ": cannot write: " + error_text(errno));
  }
  if (!waiting_) out.info("file sink: " + quote(target_) + ": waiting for a reader of the pipe");
  waiting_ = true;
  return false;
}

// Before the first byte of this run.
void SingleFile::begin() {
  if (begun_ || !regular_) return;
  if (const int64_t left = replaces_ ? length() : 0; left > 0) {
    if (::ftruncate(file_.get(), 0) != 0) {
      throw Retry("file sink: " + quote(target_) + ": cannot truncate: " + error_text(errno));
    }
    out_->info("file sink: " + quote(target_) + " (" + bytes_text(left) +
               ") was left by an unfinished run: overwritten");
  }
  begun_ = true;
}

void SingleFile::process(const Batch& in, Output& out) {
  while (!file_ && !connect(out)) {
    ::poll(nullptr, 0, kWaitMilliseconds);
    if (out.stopping()) {
      throw Failure("stopped while nobody read the pipe " + quote(target_) + ": " +
                    std::to_string(in.rows()) + " rows of its batch not written");
    }
  }
  begin();
  if (!writer_.accepts(in)) {
    fail_other_columns(in, quote(target_), out);
    return;
  }
  writer_.write(in, out);
}

int64_t SingleFile::length() const {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) {
    throw Failure("file sink: " + quote(target_) + ": " + error_text(errno));
  }
  return status.st_size;
}

void SingleFile::sync() const { make_durable(file_.get(), "file sink: " + quote(target_)); }

std::string SingleFile::prepare() {
  if (!regular_) return {};
  begin();
  sync();
  return encode_handle(length(), target_);
}

// Of a file that replaces another: the run came to its end behind the checkpoint, and what it wrote
// has its name.
void SingleFile::take_back(int64_t length) {
  struct stat status {};
  if (!replaces_ || this->length() > 0 || length == 0) return;
  if (::stat(final_.c_str(), &status) != 0) {
    out_->warn("file sink: " + quote(final_) + " (" + bytes_text(length) +
               " at the checkpoint) was taken away: a new one is begun");
    taken_away_ = true;
    return;
  }
  if (status.st_size < length) return;
  file_.reset();
  rename_durably(final_, target_, "file sink");
  attach();
}

void SingleFile::settle(std::string_view text, bool) {
  if (!regular_ || begun_ || text.empty()) return;
  const Handle handle = decode_handle(text);
  if (!is_same_path(handle.path, target_)) {
    throw Failure("file sink: the checkpoint was taken with " + quote(std::string(handle.path)) +
                  " as the file, and it is " + quote(target_) +
                  " now; give it the old path back, or start afresh");
  }
  take_back(handle.length);
  const int64_t found = length();
  if (taken_away_) {
    begun_ = true;
    return;
  }
  if (found < handle.length) {
    throw Failure("file sink: " + quote(target_) + " has " + bytes_text(found) + ", and had " +
                  bytes_text(handle.length) +
                  " at the checkpoint: it was changed by something else; start afresh");
  }
  if (found > handle.length && ::ftruncate(file_.get(), handle.length) != 0) {
    throw Retry("file sink: " + quote(target_) + ": cannot truncate: " + error_text(errno));
  }
  out_->info("file sink: " + quote(target_) + ": going on at byte " +
             std::to_string(handle.length) + ", " + bytes_text(found - handle.length) +
             " written after the checkpoint are cut off");
  writer_.reset();
  begun_ = true;
}

void SingleFile::close(bool drained, Output& out) {
  if (!file_) return;
  if (replaces_ && drained) {
    begin();
    sync();
    rename_durably(target_, final_, "file sink");
    out.info("file sink: " + quote(path_) + " is complete, " + bytes_text(length()));
  } else if (replaces_ && out.has_checkpoints()) {
    out.info("file sink: " + quote(target_) + " (" + bytes_text(length()) +
             ") is what the next run goes on with; " + quote(path_) + " is as it was");
  } else if (replaces_) {
    out.warn("file sink: " + quote(target_) + " (" + bytes_text(length()) +
             ") is left behind, as the run did not finish; " + quote(path_) + " is as it was");
  }
  file_.reset();
}

}  // namespace flow::operators
