#include "core/graph/own_work.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "core/graph/chain_node.hpp"

namespace flowrun {
namespace {

thread_local OwnWork* here = nullptr;

std::chrono::microseconds duration(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

ThreadUse thread_use() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return {duration(usage.ru_utime) + duration(usage.ru_stime), usage.ru_nvcsw};
}

}  // namespace

OwnWork::OwnWork() { here = this; }

OwnWork::~OwnWork() { here = nullptr; }

OwnWork* OwnWork::active() { return here != nullptr && here->active_ ? here : nullptr; }

void OwnWork::run() {
  const auto until = std::chrono::steady_clock::now() + kLongest;
  while (true) {
    nodes_.insert(nodes_.begin(), added_.begin(), added_.end());
    added_.clear();
    if (nodes_.empty()) return;
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

void OwnWork::hand_over() {
  active_ = false;
  run();
}

SpareTime::SpareTime() : since_(Clock::now()), used_(thread_use()) {}

bool SpareTime::has(Clock::time_point now, bool held_up) {
  held_up_ |= held_up;
  const auto passed = now - since_;
  if (passed < kWindow) return has_ && !held_up_;
  const ThreadUse used = thread_use();
  const bool has_waited = used.waits > used_.waits && (used.time - used_.time) * 4 <= passed * 3;
  if (held_up_ || (!has_waited && calm_windows_ == 0)) {
    not_before_ = now + pause_;
    pause_ = std::min(2 * pause_, kLongestPause);
    calm_windows_ = 0;
  } else if (!has_waited) {
    --calm_windows_;
  } else if (has_) {
    pause_ = kShortestPause;
    calm_windows_ = std::min(calm_windows_ + 1, kMostCalmWindows);
  }
  has_ = now >= not_before_;
  since_ = now;
  used_ = used;
  held_up_ = false;
  return has_;
}

}  // namespace flowrun
