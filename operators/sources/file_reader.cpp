#include "operators/sources/file_reader.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace flow::operators {
namespace {

constexpr int64_t kSmallestPiece = 4096;
constexpr int64_t kLargestPipePiece = 65536;  // what a pipe holds
constexpr int64_t kInputBytes = 128 * 1024;   // of compressed data at a time
constexpr int kWaitMilliseconds = 5;

}  // namespace

FileReader::FileReader(const Host& host, std::string path, Compression compression,
                       int64_t read_size, std::optional<FilePosition> from)
    : host_(host),
      path_(std::move(path)),
      compression_(compression),
      read_size_(read_size),
      decompressor_(make_decompressor(compression)) {
  // Without O_NONBLOCK opening a pipe would wait for its writer.
  file_ = FileDescriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file_) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EINTR) {
      fail_to_read(errno);
    }
    damage_ = "cannot be opened any more: " + error_text(errno);
    return;
  }
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) fail_to_read(errno);
  regular_ = S_ISREG(status.st_mode);
  if (regular_) {
    stored_size_ = status.st_size;
    ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  if (decompressor_) input_buffer_ = host_.allocate(kInputBytes);
  if (!from || from->offset == 0) return;
  if (!regular_) {
    throw Failure("file source: " + quote(path_) + " is no regular file and cannot be read from " +
                  "byte " + std::to_string(from->offset) + " again; start afresh, without the " +
                  "checkpoint");
  }
  if (decompressor_) {
    skip_to_ = from;
  } else if (seek(*from)) {
    tell_where();
  }
}

FileReader::Outcome FileReader::read(Piece& piece) {
  if (!damage_.empty()) return Outcome::kEnd;
  if (skip_to_) {
    if (const auto outcome = skip()) return *outcome;
  }
  const int64_t capacity = piece_capacity();
  Buffer buffer = host_.allocate(capacity);
  const int64_t bytes = fill(static_cast<char*>(buffer->data), capacity);
  if (bytes == kEndOfFile) return Outcome::kEnd;
  if (bytes == kWouldBlock) return Outcome::kNothingYet;
  if (bytes < buffer->capacity / 4) {
    // The buffer lives as long as any row that was cut from it.
    Buffer smaller = host_.allocate(bytes);
    std::memcpy(smaller->data, buffer->data, static_cast<size_t>(bytes));
    buffer = std::move(smaller);
  }
  remember({static_cast<const char*>(buffer->data), static_cast<size_t>(bytes)});
  piece = {std::move(buffer), bytes, offset_};
  offset_ += bytes;
  return Outcome::kPiece;
}

// Decodes a piece up to the position where reading goes on. Nothing: it is reached.
std::optional<FileReader::Outcome> FileReader::skip() {
  const int64_t left = skip_to_->offset - offset_;
  if (left == 0) {
    if (FilePosition::fingerprint_of(recent_) == skip_to_->fingerprint) {
      skip_to_.reset();
      tell_where();
    } else {
      start_over("its content is another one");
    }
    return std::nullopt;
  }
  const int64_t capacity = std::min(left, read_size_);
  const Buffer scratch = host_.allocate(capacity);
  auto* bytes = static_cast<char*>(scratch->data);
  const int64_t n = fill(bytes, capacity);
  if (n == kWouldBlock) return Outcome::kNothingYet;
  if (n == kEndOfFile) {
    if (!damage_.empty()) return Outcome::kEnd;
    start_over("it ends at byte " + std::to_string(offset_));
    return Outcome::kSkipped;
  }
  remember({bytes, static_cast<size_t>(n)});
  offset_ += n;
  return Outcome::kSkipped;
}

void FileReader::tell_where() const {
  host_.info("file source: " + quote(path_) + ": going on at byte " + std::to_string(offset_));
}

// Of an uncompressed file. False: it is not the file that the position is of; reading starts over.
bool FileReader::seek(const FilePosition& from) {
  const int64_t window = std::min(from.offset, FilePosition::kWindow);
  std::string before(static_cast<size_t>(window), '\0');
  if (from.offset > stored_size_) {
    skip_to_ = from;
    start_over("it has only " + std::to_string(stored_size_) + " bytes");
    return false;
  }
  const ssize_t n = ::pread(file_.get(), before.data(), before.size(), from.offset - window);
  if (n < 0) fail_to_read(errno);
  if (n != window || FilePosition::fingerprint_of(before) != from.fingerprint) {
    skip_to_ = from;
    start_over("its content is another one");
    return false;
  }
  if (::lseek(file_.get(), from.offset, SEEK_SET) < 0) fail_to_read(errno);
  offset_ = stored_read_ = from.offset;
  recent_ = std::move(before);
  return true;
}

void FileReader::start_over(const std::string& reason) {
  host_.warn("file source: " + quote(path_) + " was to be read on from byte " +
             std::to_string(skip_to_->offset) + ", but " + reason +
             ": it was replaced or truncated, and is read from its start");
  skip_to_.reset();
  if (::lseek(file_.get(), 0, SEEK_SET) < 0) fail_to_read(errno);
  decompressor_ = make_decompressor(compression_);
  input_ = {};
  recent_.clear();
  offset_ = stored_read_ = 0;
}

// What to allocate for the next piece: a small file shall not occupy a large buffer.
int64_t FileReader::piece_capacity() {
  if (decompressor_) return read_size_;
  if (!regular_) return std::min(read_size_, kLargestPipePiece);
  // A file that grew meanwhile, or a made-up one of size 0 (/proc), is read to its end all the
  // same.
  return std::clamp(stored_size_ - offset_, kSmallestPiece, read_size_);
}

int64_t FileReader::fill(char* to, int64_t capacity) {
  if (decompressor_) return decode(to, capacity);
  const int64_t n = read_stored(to, capacity, true);
  if (n > 0) stored_read_ += n;
  return n;
}

// Bytes of the file as it is stored; kEndOfFile or kWouldBlock. Throws Retry.
int64_t FileReader::read_stored(char* to, int64_t capacity, bool may_wait) {
  if (!regular_) {
    // A pipe that had no writer yet reads as ended; only poll tells the difference.
    pollfd readable{.fd = file_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, may_wait ? kWaitMilliseconds : 0) <= 0) return kWouldBlock;
  }
  while (true) {
    const ssize_t n = ::read(file_.get(), to, static_cast<size_t>(capacity));
    if (n >= 0) return n;
    if (errno == EAGAIN) return kWouldBlock;
    if (errno != EINTR) fail_to_read(errno);
  }
}

int64_t FileReader::decode(char* to, int64_t capacity) {
  int64_t produced = 0;
  while (produced < capacity) {
    const Decompressor::Step step =
        decompressor_->step(input_, to + produced, static_cast<size_t>(capacity - produced));
    input_.remove_prefix(step.consumed);
    stored_read_ += static_cast<int64_t>(step.consumed);
    produced += static_cast<int64_t>(step.produced);
    if (!step.error.empty()) {
      damage_ = "is damaged at byte " + std::to_string(stored_read_) + ": " + step.error;
      if (stored_read_ == 0) damage_ += "; if it is not compressed, set compression = \"none\"";
      break;
    }
    if (step.consumed > 0 || step.produced > 0) continue;
    // The decoder wants more than is left: what is left moves to the front.
    auto* input = static_cast<char*>(input_buffer_->data);
    const auto kept = static_cast<int64_t>(input_.size());
    if (kept > 0) std::memmove(input, input_.data(), input_.size());
    input_ = {input, input_.size()};
    int64_t n = 0;
    try {
      n = read_stored(input + kept, kInputBytes - kept, produced == 0);
    } catch (const Retry&) {
      // What is decoded goes out first; the next call meets the trouble again.
      if (produced == 0) throw;
      break;
    }
    if (n == kWouldBlock) return produced > 0 ? produced : kWouldBlock;
    if (n == kEndOfFile) {
      if (!decompressor_->at_boundary() || !input_.empty()) {
        damage_ = "ends in the middle of a " + std::string(decompressor_->unit()) +
                  ", after byte " + std::to_string(stored_read_);
      }
      break;
    }
    input_ = {input, static_cast<size_t>(kept + n)};
  }
  return produced;
}

void FileReader::remember(std::string_view bytes) {
  constexpr auto kWindow = static_cast<size_t>(FilePosition::kWindow);
  if (bytes.size() >= kWindow) {
    recent_ = bytes.substr(bytes.size() - kWindow);
    return;
  }
  recent_ += bytes;
  if (recent_.size() > kWindow) recent_.erase(0, recent_.size() - kWindow);
}

void FileReader::fail_to_read(int error) const {
  throw Retry("file source: cannot read " + quote(path_) + ": " + error_text(error));
}

}  // namespace flow::operators
