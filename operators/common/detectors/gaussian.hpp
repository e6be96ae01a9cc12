// The method `gaussian`: how unlikely a value is under a normal distribution of the last readings.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "operators/common/detectors/ewma.hpp"

namespace flow::operators::detectors {

// What all windows of this method have in common.
class GaussianScore {
 public:
  struct Settings {
    uint64_t warm_up = 50;
    uint64_t window = 2000;
    double threshold = 0.04;
  };
  explicit GaussianScore(const Settings& settings);

  // `value` and the window's sums are counted from `offset`.
  void judge(double value, double offset, double sum, double squares, uint64_t n,
             Judgement& judgement) const;
  const Settings& settings() const { return settings_; }

 private:
  Settings settings_;
  double band_;  // deviations that reach the threshold
};

// The score is the decimal logarithm of the two-sided tail probability, divided by -300. The window
// is in the state: kCapacity numbers, the largest `window` there can be.
template <size_t kCapacity>
class Gaussian {
 public:
  static constexpr const char* kName = "gaussian";
  static constexpr double kThreshold = 0.04;
  static constexpr bool kUsesTime = false;
  using Settings = GaussianScore::Settings;
  struct State {
    double offset;  // the first value: keeps the sums of squares small
    double sum;
    double squares;
    uint32_t oldest;
    uint32_t size;
    std::array<double, kCapacity> window;
  };

  explicit Gaussian(const Settings& settings) : score_(settings) {}
  void judge(State& state, const Reading& reading, Judgement& judgement) const {
    if (state.size == 0) state.offset = reading.value;
    const double value = reading.value - state.offset;
    score_.judge(value, state.offset, state.sum, state.squares, state.size, judgement);
    state.sum += value;
    state.squares += value * value;
    if (state.size < score_.settings().window) {
      state.window[state.size++] = value;
      return;
    }
    double& oldest = state.window[state.oldest];
    state.sum -= oldest;
    state.squares -= oldest * oldest;
    oldest = value;
    state.oldest = state.oldest + 1 < state.size ? state.oldest + 1 : 0;
  }
  void explain(const Judgement& judgement, const Reading& reading, std::string& text) const {
    append_deviations(text, judgement, reading);
  }
  static void prefetch(const State& state, const Reading&) { __builtin_prefetch(&state, 1); }

 private:
  GaussianScore score_;
};

}  // namespace flow::operators::detectors
