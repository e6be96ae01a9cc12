// Counters, gauges and histograms: what the hot path touches, once a batch. All members may be
// called by any thread; none locks, allocates or throws.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace flowrun {

// Only grows: negative amounts and NaN are ignored.
class Counter {
 public:
  void add(double amount = 1.0) noexcept {
    if (amount > 0) value_.fetch_add(amount, std::memory_order_relaxed);
  }
  double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0.0};
};

class Gauge {
 public:
  explicit Gauge(double value = 0.0) noexcept : value_(value) {}
  void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(double amount) noexcept { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_;
};

class Histogram {
 public:
  // `bounds`: inclusive upper bounds, ascending, without the infinite one; must outlive this.
  explicit Histogram(std::span<const double> bounds)
      : bounds_(bounds), counts_(new std::atomic<std::uint64_t>[bounds.size() + 1] {}) {}

  // `times` observations of `value`; NaN is ignored.
  void observe(double value, std::uint64_t times = 1) noexcept {
    if (std::isnan(value) || times == 0) return;
    const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
    counts_[static_cast<std::size_t>(bucket)].fetch_add(times, std::memory_order_relaxed);
    sum_.fetch_add(value * static_cast<double>(times), std::memory_order_relaxed);
  }

  std::span<const double> bounds() const noexcept { return bounds_; }
  // One a bound and one for what lies above the last; not cumulative.
  std::vector<std::uint64_t> counts() const {
    std::vector<std::uint64_t> copy(bounds_.size() + 1);
    for (std::size_t bucket = 0; bucket < copy.size(); ++bucket) {
      copy[bucket] = counts_[bucket].load(std::memory_order_relaxed);
    }
    return copy;
  }
  double sum() const noexcept { return sum_.load(std::memory_order_relaxed); }

 private:
  std::span<const double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0.0};
};

}  // namespace flowrun
