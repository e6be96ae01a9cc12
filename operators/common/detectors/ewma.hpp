// The method `ewma`: how many usual deviations a value is away from an exponential mean.
#pragma once

#include <string>

#include "operators/common/detectors/judgement.hpp"

namespace flow::operators::detectors {

// The score is z / (z + 5), z the distance to the mean in standard deviations.
class Ewma {
 public:
  static constexpr const char* kName = "ewma";
  static constexpr double kThreshold = 0.6;
  static constexpr bool kUsesTime = false;
  struct Settings {
    uint64_t warm_up = 30;
    double alpha = 0.003;  // weight of the newest reading
    double threshold = kThreshold;
  };
  struct State {
    double mean;
    double variance;
    uint64_t readings;
  };

  explicit Ewma(const Settings& settings);
  void judge(State& state, const Reading& reading, Judgement& judgement) const;
  void explain(const Judgement& judgement, const Reading& reading, std::string& text) const;
  static void prefetch(const State& state, const Reading&) { __builtin_prefetch(&state, 1); }

 private:
  Settings settings_;
  uint64_t settled_;
  double band_;  // deviations that reach the threshold
};

// What a spread is taken as where it is divided by.
inline double divisor(double variance, double mean) {
  constexpr double kShareOfMean = 1e-3;
  return std::sqrt(variance) + kEpsilon + kShareOfMean * std::fabs(mean);
}
// "93 is 8.2 times the usual deviation away from the mean 41.5 of the last 2,000 readings"
void append_deviations(std::string& text, const Judgement& judgement, const Reading& reading);

}  // namespace flow::operators::detectors
