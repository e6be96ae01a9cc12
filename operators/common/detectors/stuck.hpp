// The method `stuck`: a value that no longer moves.
#pragma once

#include <string>

#include "operators/common/detectors/judgement.hpp"

namespace flow::operators::detectors {

// The score is r / (r + most - 1), r how many readings in a row repeated a value.
class Stuck {
 public:
  static constexpr const char* kName = "stuck";
  static constexpr double kThreshold = 0.5;
  static constexpr bool kUsesTime = false;
  struct Settings {
    uint64_t most = 20;    // equal readings in a row that score 0.5
    double tolerance = 0;  // within which values count as equal
  };
  struct State {
    double value;
    uint64_t equal;  // readings in a row, the first included
    uint64_t readings;
  };

  explicit Stuck(const Settings& settings) : settings_(settings) {}
  void judge(State& state, const Reading& reading, Judgement& judgement) const;
  void explain(const Judgement& judgement, const Reading& reading, std::string& text) const;
  static void prefetch(const State& state, const Reading&) { __builtin_prefetch(&state, 1); }

 private:
  Settings settings_;
};

}  // namespace flow::operators::detectors
