// The method `range`: how far a value leaves the range that the series has ever had.
#pragma once

#include <string>

#include "operators/common/detectors/range_track.hpp"

namespace flow::operators::detectors {

// The score is e / (1 + e), e the distance to the range as a share of its width: free of scale, so
// that one threshold fits all series, and silent after the first alarm of a new extreme.
class Range {
 public:
  static constexpr const char* kName = "range";
  static constexpr double kThreshold = 0.005;
  static constexpr bool kUsesTime = false;
  struct Settings {
    uint64_t warm_up = 50;
    double relax = 0;  // share by which old extremes fade towards the mean with each reading
    double hold = 0;   // readings for which only what is further out is told again
  };
  struct State {
    RangeTrack range;
    double peak;
    uint64_t readings;
  };

  explicit Range(const Settings& settings)
      : settings_(settings), fading_(fading_of(settings.hold)) {}
  void judge(State& state, const Reading& reading, Judgement& judgement) const;
  void explain(const Judgement& judgement, const Reading& reading, std::string& text) const;
  static void prefetch(const State& state, const Reading&) { __builtin_prefetch(&state, 1); }

 private:
  Settings settings_;
  double fading_;
};

// "8.7 % beyond the range 4.1 to 27.5", or that it had one value only.
void append_beyond(std::string& text, const Judgement& judgement, const char* range);

}  // namespace flow::operators::detectors
