#include "operators/common/byte_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "operators/common/file_descriptor.hpp"
#include "operators/common/guarded_write.hpp"
#include "operators/common/prologue.hpp"

namespace flow::operators {
namespace {

constexpr size_t kCollectBytes = 64 * 1024;  // rows that lie apart are collected up to this
constexpr size_t kWorthAWrite = 16 * 1024;   // a run this long is written from where it is
constexpr int kWaitMilliseconds = 50;

// Rows of the batch whose last byte lies behind its first `bytes` bytes.
int64_t rows_behind(const Batch& batch, int64_t bytes) {
  const TextView rows(batch.column(0));
  int64_t end = 0;
  int64_t row = 0;
  for (; row < rows.size(); ++row) {
    end += static_cast<int64_t>(rows[row].size());
    if (end > bytes) break;
  }
  return rows.size() - row;
}

// Grows a run of bytes as long as the rows lie one behind the other.
class Run {
 public:
  explicit Run(const flow_column& column) : column_(column) {}

  // False: the row lies elsewhere.
  bool extend(std::string_view row, const flow_view& view) {
    const char* end = bytes_.data() + bytes_.size();
    if (row.data() != end) {
      // A row of at most 12 bytes stands in its view; encoders leave its bytes in the buffer as
      // well.
      const bool repeated = view.length <= FLOW_VIEW_INLINE && limit_ != nullptr &&
                            limit_ - end >= view.length &&
                            std::memcmp(end, row.data(), row.size()) == 0;
      if (!repeated) return false;
    }
    bytes_ = {bytes_.data(), bytes_.size() + row.size()};
    return true;
  }
  void start(std::string_view row, const flow_view& view) {
    bytes_ = row;
    limit_ = nullptr;
    if (view.length > FLOW_VIEW_INLINE) {
      const flow_buffer* buffer = column_.data[view.buffer];
      limit_ = static_cast<const char*>(buffer->data) + buffer->capacity;
    }
  }
  std::string_view bytes() const { return bytes_; }

 private:
  const flow_column& column_;
  std::string_view bytes_;
  const char* limit_ = nullptr;  // of the buffer that the run lies in; NULL: it lies in a view
};

}  // namespace

void ByteWriter::attach(int fd, bool broken_pipe_is_final) {
  struct stat status {};
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fstat(fd, &status) != 0) {
    throw Failure(name_ + " is not open: " + error_text(errno));
  }
  if ((flags & O_ACCMODE) == O_RDONLY) throw Failure(name_ + " is open for reading only");
  fd_ = fd;
  broken_pipe_is_final_ = broken_pipe_is_final;
  target_ = S_ISREG(status.st_mode)     ? Target::kFile
            : (flags & O_NONBLOCK) != 0 ? Target::kNonBlocking
                                        : Target::kBlocking;
  appends_ = (flags & O_APPEND) != 0;
  written_ = 0;
  reset();
}

void ByteWriter::reset() {
  done_ = 0;
  prologue_.reset();
  due_ = {};
}

bool ByteWriter::adds_to_content() const {
  struct stat status {};
  return target_ == Target::kFile && appends_ && ::fstat(fd_, &status) == 0 && status.st_size > 0;
}

bool ByteWriter::accepts(const Batch& rows) {
  if (rows.rows() == 0) return true;
  const std::string_view prologue = prologue_of(rows);
  if (prologue_) return *prologue_ == prologue;
  const bool adds = adds_to_content();
  if (adds && !prologue.empty() &&
      !file_begins_with("/proc/self/fd/" + std::to_string(fd_), prologue))
    return false;
  prologue_ = prologue;
  if (!adds) due_ = *prologue_;
  return true;
}

void ByteWriter::write(const Batch& batch, const Host& host) {
  const uint32_t columns = has_prologue(batch.schema()) ? 2 : 1;
  if (batch.column_count() != columns || batch.column(0).type != FLOW_BINARY) {
    throw Failure(name_ +
                  " takes one column of encoded bytes; name a codec, eg: encoding = \"json\"");
  }
  batch_ = &batch;
  skip_ = done_;
  put(due_, host);
  write_rows(batch.column(0), host);
  due_ = {};
  done_ = 0;
}

void ByteWriter::write_rows(const flow_column& column, const Host& host) {
  const TextView rows(column);
  Buffer collected;
  size_t used = 0;
  const auto flush = [&] {
    put({collected ? static_cast<const char*>(collected->data) : nullptr, used}, host);
    used = 0;
  };
  const auto finish = [&](std::string_view run, bool last) {
    if (run.size() >= kWorthAWrite || (last && used == 0)) {
      flush();
      put(run, host);
      return;
    }
    if (!collected) collected = host.allocate(kCollectBytes);
    if (used + run.size() > kCollectBytes) flush();
    std::memcpy(static_cast<char*>(collected->data) + used, run.data(), run.size());
    used += run.size();
  };
  Run run(column);
  for (int64_t row = 0; row < rows.size(); ++row) {
    const std::string_view bytes = rows[row];
    const flow_view& view = rows.views()[row];
    if (bytes.empty() || run.extend(bytes, view)) continue;
    if (!run.bytes().empty()) finish(run.bytes(), false);
    run.start(bytes, view);
  }
  if (!run.bytes().empty()) finish(run.bytes(), true);
  flush();
}

// Writes but what went out in a call before.
void ByteWriter::put(std::string_view bytes, const Host& host) {
  const auto passed = std::min(static_cast<int64_t>(bytes.size()), skip_);
  skip_ -= passed;
  bytes.remove_prefix(static_cast<size_t>(passed));
  write_all(bytes, host);
}

void ByteWriter::write_all(std::string_view bytes, const Host& host) {
  while (!bytes.empty()) {
    size_t most = bytes.size();
    if (target_ == Target::kBlocking) {
      // Where poll says that there is room, there is room for this much.
      wait(host);
      most = std::min<size_t>(most, PIPE_BUF);
    }
    int error = 0;
    const ssize_t n = guarded_write(fd_, bytes.substr(0, most), error);
    if (n > 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
      written_ += n;
      done_ += n;
    } else if (error == EAGAIN || n == 0) {
      wait(host);
    } else if (error != EINTR) {
      fail(error, static_cast<int64_t>(bytes.size()));
    }
  }
}

// Until there is room, or an error to be met. Throws Failure when the run is being stopped.
void ByteWriter::wait(const Host& host) const {
  pollfd writable{.fd = fd_, .events = POLLOUT, .revents = 0};
  while (::poll(&writable, 1, kWaitMilliseconds) <= 0) {
    if (host.stopping()) {
      throw Failure(
          "stopped while " + name_ + " took no more: " +
          std::to_string(rows_behind(*batch_, done_ - static_cast<int64_t>(due_.size()))) +
          " rows of its batch not written");
    }
  }
}

void ByteWriter::fail(int error, int64_t left) const {
  const std::string unwritten =
      std::to_string(rows_behind(*batch_, done_ - static_cast<int64_t>(due_.size()))) +
      " rows of the batch not written";
  if (error != EPIPE) throw_write_error(name_, error, left, unwritten);
  if (broken_pipe_is_final_) {
    throw Failure(name_ + ": cannot write: " + error_text(error) + ": its reader has gone, " +
                  unwritten);
  }
  throw Retry(name_ + ": its reader has gone; the run goes on when there is another one");
}

}  // namespace flow::operators
