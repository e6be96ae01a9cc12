#include "core/graph/own_work.hpp"

#include <ctime>

#include "core/graph/chain_node.hpp"

namespace flowrun {
namespace {

thread_local OwnWork* here = nullptr;

std::chrono::nanoseconds processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

OwnWork::OwnWork() { here = this; }

OwnWork::~OwnWork() { here = nullptr; }

OwnWork* OwnWork::active() { return here != nullptr && here->active_ ? here : nullptr; }

void OwnWork::run() {
  const auto until = std::chrono::steady_clock::now() + kLongest;
  while (!nodes_.empty()) {
    ChainNode* const node = nodes_.front();
    nodes_.pop_front();
    if (std::chrono::steady_clock::now() > until) active_ = false;
    if (active_) {
      node->work_here();
    } else {
      node->call();
    }
  }
}

SpareTime::SpareTime() : since_(Clock::now()), used_(processor_time()) {}

bool SpareTime::has(Clock::time_point now, bool held_up) {
  held_up_ |= held_up;
  const auto passed = now - since_;
  if (passed < kWindow) return has_ && !held_up_;
  const std::chrono::nanoseconds used = processor_time();
  const bool busy = held_up_ || (used - used_) * 4 > passed * 3;
  if (busy) not_before_ = now + kPause;
  has_ = now >= not_before_;
  since_ = now;
  used_ = used;
  held_up_ = false;
  return has_;
}

}  // namespace flowrun
