// The range that a signal has had, and how far a value leaves it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "operators/common/detectors/judgement.hpp"

namespace flow::operators::detectors {

// Of one signal of one series. How many values it has seen is counted by the owner.
struct RangeTrack {
  double low;
  double high;
  double mean;  // a slow one, towards which the ends creep

  static constexpr double kMeanGain = 0.005;
  static constexpr uint64_t kMeanSettled = 200;
  static constexpr double kMost = 50.0;

  // The range for the value number `n` (from 1), before that is in it: with `relax` above 0 its
  // ends have crept that share of their distance towards the mean.
  void prepare(double value, uint64_t n, double relax) {
    if (n == 1) low = high = mean = value;
    if (relax > 0) {
      mean += gain(n, kMeanGain, kMeanSettled) * (value - mean);
      high -= relax * (high - mean);
      low += relax * (mean - low);
    }
  }
  // By what share of the range the value leaves it; the range then includes it. 0 for the first
  // `warm_up` + 1 values.
  double include(double value, uint64_t n, uint64_t warm_up) {
    double outside;
    const double width = high - low;
    if (value > high) {
      outside = value - high;
      high = value;
    } else if (value < low) {
      outside = low - value;
      low = value;
    } else {
      return 0;
    }
    return n > warm_up + 1 ? std::min(kMost, outside / (width + kEpsilon)) : 0;
  }
};

// Lets a value through only above the highest before, which fades by `fading` with each value.
// 0: everything above zero passes.
inline double above_peak(double& peak, double fading, double value) {
  peak *= fading;
  if (value <= peak) return 0;
  peak = value;
  return value;
}
// For a peak that lasts `hold` values.
inline double fading_of(double hold) { return hold > 0 ? std::exp(-1.0 / hold) : 0.0; }

}  // namespace flow::operators::detectors
