// Numbers that nobody can guess.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace flow::operators {

// 128 bits of the system's generator. Whoever knows any number of them knows nothing of the others.
struct SecretBits {
  uint64_t high = 0, low = 0;

  // In a time that does not tell where they differ.
  bool operator==(const SecretBits& other) const {
    return ((high ^ other.high) | (low ^ other.low)) == 0;
  }
};

// Asks the system for a block at a time: a call each would cost more than all else that is done
// with one.
class SecretBitsMaker {
 public:
  // Throws Failure where the system has no generator.
  SecretBits next();

 private:
  static constexpr size_t kBlock = 256;

  std::array<SecretBits, kBlock> block_{};
  size_t used_ = kBlock;
};

}  // namespace flow::operators
