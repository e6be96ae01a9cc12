// The method `rate_of_change`: how fast a value moves.
#pragma once

#include <string>

#include "operators/common/detectors/judgement.hpp"

namespace flow::operators::detectors {

// The score is r / (1 + r), r the speed since the reading before as a share of the highest allowed.
// A reading that is not later than the one before is not judged; of one that is earlier nothing is
// learned either.
class RateOfChange {
 public:
  static constexpr const char* kName = "rate_of_change";
  static constexpr double kThreshold = 0.5;
  static constexpr bool kUsesTime = true;
  struct Settings {
    double most = 1;  // that a value may change in `per`
    int64_t per = 1'000'000'000;
    double threshold = kThreshold;
  };
  struct State {
    double value;
    int64_t time;
    uint64_t readings;
  };

  explicit RateOfChange(const Settings& settings)
      : settings_(settings), band_(settings.threshold / (1 - settings.threshold)) {}
  void judge(State& state, const Reading& reading, Judgement& judgement) const;
  void explain(const Judgement& judgement, const Reading& reading, std::string& text) const;
  static void prefetch(const State& state, const Reading&) { __builtin_prefetch(&state, 1); }

 private:
  Settings settings_;
  double band_;  // share of the highest allowed speed that reaches the threshold
};

}  // namespace flow::operators::detectors
