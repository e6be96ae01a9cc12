// How long to wait before a passing trouble is tried again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace flowrun {

// Exponential pauses with jitter: about 100 ms, then twice as long each time, at most 30 s.
class Backoff {
 public:
  std::chrono::milliseconds next() {
    const auto pause = pause_;
    pause_ = std::min<std::chrono::milliseconds>(pause_ * 2, std::chrono::seconds(30));
    ++attempts_;
    thread_local std::minstd_rand random(std::random_device{}());
    const double jitter = std::uniform_real_distribution<double>(0.75, 1.25)(random);
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<double>(pause.count()) * jitter));
  }
  int attempts() const { return attempts_; }

 private:
  std::chrono::milliseconds pause_{100};
  int attempts_ = 0;
};

}  // namespace flowrun
