#include "operators/common/secret_bits.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "flow/host.hpp"

namespace flow::operators {

SecretBits SecretBitsMaker::next() {
  if (used_ == kBlock) {
    auto* const bytes = reinterpret_cast<char*>(block_.data());
    for (size_t filled = 0; filled < sizeof block_;) {
      const ssize_t got = ::getrandom(bytes + filled, sizeof block_ - filled, 0);
      if (got < 0 && errno != EINTR) {
        throw Failure(std::string("getrandom: ") + std::strerror(errno));
      }
      filled += got > 0 ? static_cast<size_t>(got) : 0;
    }
    used_ = 0;
  }
  return std::exchange(block_[used_++], {});
}

}  // namespace flow::operators
