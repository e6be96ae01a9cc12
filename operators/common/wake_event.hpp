// Lets another thread end the wait of a source's poll.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <initializer_list>

#include "operators/common/file_descriptor.hpp"

namespace flow::operators {

class WakeEvent {
 public:
  // What a source's poll may take when there is nothing, in milliseconds.
  static constexpr int kWait = 5;

  WakeEvent() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

  void wake() {  // [any]
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(event_.get(), &one, sizeof one);
  }
  // Until one of the descriptors can be read (or its other side is gone), until wake(), or for
  // `milliseconds`. At most three; negative ones are passed over.
  void wait(std::initializer_list<int> descriptors, int milliseconds = kWait) {
    std::array<pollfd, 4> waited{};
    nfds_t n = 0;
    for (const int descriptor : descriptors) waited[n++] = {descriptor, POLLIN, 0};
    waited[n++] = {event_.get(), POLLIN, 0};
    ::poll(waited.data(), n, milliseconds);
    uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t read = ::read(event_.get(), &ignored, sizeof ignored);
  }

 private:
  FileDescriptor event_;
};

// Whether a read would return at once.
inline bool is_readable(int descriptor) {
  pollfd waited{descriptor, POLLIN, 0};
  return ::poll(&waited, 1, 0) > 0;
}

}  // namespace flow::operators
