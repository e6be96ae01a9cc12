// The method `range_quad`: the range method over four signals made of the series.
#pragma once

#include <array>
#include <string>

#include "operators/common/detectors/range_track.hpp"

namespace flow::operators::detectors {

// The signals: what is left of the value without its slow mean and its profile by hour of the day;
// the same by half hours, smoothed; the first divided by its usual deviation at that hour; and the
// lowest of the last 24 readings, which counts twice. The score is e / (1 + e) of the largest e.
class RangeQuad {
 public:
  static constexpr const char* kName = "range_quad";
  static constexpr double kThreshold = 0.0797;
  static constexpr bool kUsesTime = true;
  struct Settings {
    uint64_t warm_up = 50;
    double relax = 1e-4;  // of the signals divided and undivided by hours; the others keep theirs
    double hold = 60;
  };
  static constexpr size_t kHours = 24;
  static constexpr size_t kFloorReadings = 24;

  // An hour of the day with its halves together: one reading touches one of them.
  struct Hour {
    double mean;
    double deviation;
    std::array<double, 2> half_means;
    uint8_t readings;  // counted up to where the gain is settled
    std::array<uint8_t, 2> half_readings;
  };
  struct State {
    double mean;
    double deviation;
    double smoothed;
    double peak;
    double floor;
    std::array<RangeTrack, 4> ranges;
    uint64_t readings;
    std::array<Hour, kHours> hours;
    std::array<double, kFloorReadings> last;
  };

  explicit RangeQuad(const Settings& settings)
      : settings_(settings), fading_(fading_of(settings.hold)) {}
  void judge(State& state, const Reading& reading, Judgement& judgement) const;
  void explain(const Judgement& judgement, const Reading& reading, std::string& text) const;
  static void prefetch(const State& state, const Reading& reading);
  // What can be told only once the beginning of the state is in the cache.
  static void prefetch_late(const State& state) {
    __builtin_prefetch(&state.last[state.readings % kFloorReadings], 1);
  }

 private:
  enum Signal : uint32_t { kResidual, kSmoothed, kScaled, kFloor };

  Settings settings_;
  double fading_;
};

}  // namespace flow::operators::detectors
