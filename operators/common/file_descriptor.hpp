// An open file that closes itself.
#pragma once

#include <unistd.h>

#include <string>
#include <system_error>
#include <utility>

namespace flow::operators {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  // Takes the descriptor over; negative: none.
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

// "No space left on device", from any thread.
inline std::string error_text(int error) { return std::generic_category().message(error); }

// Paths as messages show them.
inline std::string quote(const std::string& path) { return "'" + path + "'"; }

}  // namespace flow::operators
