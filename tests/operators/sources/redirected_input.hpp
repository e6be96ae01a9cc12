// The standard input of the test program, for a while another one.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace flow::testing {

class RedirectedInput {
 public:
  // The descriptor stays the caller's.
  explicit RedirectedInput(int file) : before_(::dup(STDIN_FILENO)) { take(file); }
  explicit RedirectedInput(const std::string& path) : before_(::dup(STDIN_FILENO)) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    take(file);
    ::close(file);
  }
  RedirectedInput(const RedirectedInput&) = delete;
  RedirectedInput& operator=(const RedirectedInput&) = delete;
  ~RedirectedInput() {
    if (before_ < 0) return;
    ::dup2(before_, STDIN_FILENO);
    ::close(before_);
  }

 private:
  static void take(int file) {
    if (file < 0 || ::dup2(file, STDIN_FILENO) < 0) {
      throw std::runtime_error("cannot redirect the standard input");
    }
  }
  int before_;
};

}  // namespace flow::testing
