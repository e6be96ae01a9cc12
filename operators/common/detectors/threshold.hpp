// The method `threshold`: fixed limits.
#pragma once

#include <limits>
#include <string>

#include "operators/common/detectors/judgement.hpp"

namespace flow::operators::detectors {

// 0 within the limits; beyond them 0.5 + 0.5 * d / (d + w), d the distance and w that between the
// limits (with one limit: its amount, at least 1).
class Threshold {
 public:
  static constexpr const char* kName = "threshold";
  static constexpr double kThreshold = 0.5;
  static constexpr bool kUsesTime = false;
  struct Settings {
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
  };
  struct State {
    uint64_t readings;
  };

  explicit Threshold(const Settings& settings);
  void judge(State& state, const Reading& reading, Judgement& judgement) const;
  void explain(const Judgement& judgement, const Reading& reading, std::string& text) const;
  static void prefetch(const State& state, const Reading&) { __builtin_prefetch(&state, 1); }

 private:
  Settings settings_;
  double width_;
};

}  // namespace flow::operators::detectors
