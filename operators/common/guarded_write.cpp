#include "operators/common/guarded_write.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "flow/host.hpp"
#include "operators/common/file_descriptor.hpp"

namespace flow::operators {
namespace {

// Keeps the signals that a failing write raises from the process, for this thread only: one that
// arises while it lives is taken back, one that was pending before stays.
class WriteSignalGuard {
 public:
  WriteSignalGuard() {
    sigset_t pending;
    sigpending(&pending);
    sigemptyset(&mine_);
    for (const int signal : {SIGPIPE, SIGXFSZ}) {
      if (sigismember(&pending, signal) == 0) sigaddset(&mine_, signal);
    }
    pthread_sigmask(SIG_BLOCK, &mine_, &before_);
  }
  WriteSignalGuard(const WriteSignalGuard&) = delete;
  WriteSignalGuard& operator=(const WriteSignalGuard&) = delete;
  ~WriteSignalGuard() {
    if (raised_) {
      const timespec now{};
      while (sigtimedwait(&mine_, nullptr, &now) > 0) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  void failed(int error) { raised_ |= error == EPIPE || error == EFBIG; }

 private:
  sigset_t mine_{}, before_{};
  bool raised_ = false;
};

}  // namespace

ssize_t guarded_write(int fd, std::string_view bytes, int& error) {
  WriteSignalGuard guard;
  const ssize_t n = ::write(fd, bytes.data(), bytes.size());
  error = n < 0 ? errno : 0;
  if (n < 0) guard.failed(error);
  return n;
}

void throw_write_error(const std::string& name, int error, int64_t left,
                       const std::string& unwritten) {
  const std::string place = name + ": cannot write: " + error_text(error);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      throw Retry(place + "; free at least " + std::to_string(left) +
                  " bytes, the run goes on then");
    case EFBIG:
      throw Retry(place + "; raise the limit on the size of files (ulimit -f)");
    case EBADF:
    case EFAULT:
    case EINVAL:
    case EPERM:
      throw Failure(place + "; " + unwritten);
    default:
      throw Retry(place);
  }
}

}  // namespace flow::operators
