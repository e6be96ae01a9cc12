#include "operators/common/detectors/range_quad.hpp"

#include <algorithm>
#include <cmath>

#include "operators/common/detectors/range.hpp"
#include "operators/common/detectors/wording.hpp"

namespace flow::operators::detectors {
namespace {

constexpr double kSlowGain = 0.002;
constexpr uint64_t kSlowSettled = 500;
constexpr double kProfileGain = 0.03;
constexpr uint8_t kProfileSettled = 34;
constexpr double kSmoothGain = 0.1;
constexpr uint64_t kSmoothSettled = 10;
constexpr double kFloorWeight = 2;

// Of the day, in UTC.
size_t half_hour_of(int64_t time) {
  constexpr int64_t kHalfHour = 1'800'000'000'000;
  constexpr int64_t kHalves = 48;
  // Whole half hours since 1970, rounded down.
  const int64_t halves = time / kHalfHour - (time % kHalfHour < 0 ? 1 : 0);
  const int64_t half = halves % kHalves;
  return static_cast<size_t>(half < 0 ? half + kHalves : half);
}

double profile_gain(uint8_t n) {
  return n >= kProfileSettled ? kProfileGain : 1.0 / static_cast<double>(n);
}
void count(uint8_t& readings) {
  if (readings < kProfileSettled) ++readings;
}

// The lowest of the last values, `value` the newest.
double update_floor(RangeQuad::State& state, double value) {
  double& oldest = state.last[(state.readings - 1) % RangeQuad::kFloorReadings];
  const bool full = state.readings > RangeQuad::kFloorReadings;
  const bool lowest_leaves = full && oldest <= state.floor;
  oldest = value;
  if (state.readings == 1) {
    state.floor = value;
  } else if (lowest_leaves) {
    state.floor = *std::min_element(state.last.begin(), state.last.end());
  } else {
    state.floor = std::min(state.floor, value);
  }
  return state.floor;
}

}  // namespace

void RangeQuad::prefetch(const State& state, const Reading& reading) {
  constexpr size_t kLine = 64;
  const auto* const head = reinterpret_cast<const char*>(&state);
  __builtin_prefetch(head, 1);
  __builtin_prefetch(head + kLine, 1);
  __builtin_prefetch(head + 2 * kLine, 1);
  const auto* const hour =
      reinterpret_cast<const char*>(&state.hours[half_hour_of(reading.time) / 2]);
  __builtin_prefetch(hour, 1);
  __builtin_prefetch(hour + sizeof(Hour) - 1, 1);
}

void RangeQuad::judge(State& state, const Reading& reading, Judgement& judgement) const {
  const double value = reading.value;
  judgement.readings = state.readings;
  const uint64_t n = ++state.readings;
  const bool warm = n > settings_.warm_up + 1;
  state.mean += gain(n, kSlowGain, kSlowSettled) * (value - state.mean);
  const double centred = value - state.mean;
  const size_t half_hour = half_hour_of(reading.time);
  Hour& hour = state.hours[half_hour / 2];

  double residual = 0;
  double scale = 0;  // 0: the first reading of its hour
  if (hour.readings == 0) {
    hour.mean = centred;
    hour.deviation = std::fabs(centred);
    hour.readings = 1;
  } else {
    residual = centred - hour.mean;
    const double distance = std::fabs(residual);
    state.deviation += gain(n, kSlowGain, kSlowSettled) * (distance - state.deviation);
    scale = hour.deviation + state.deviation + kEpsilon;
    count(hour.readings);
    const double weight = profile_gain(hour.readings);
    hour.mean += weight * residual;
    hour.deviation += weight * (distance - hour.deviation);
  }
  const double scaled = scale > 0 ? residual / scale : 0;

  double half_residual = 0;
  double& half_mean = hour.half_means[half_hour % 2];
  uint8_t& half_readings = hour.half_readings[half_hour % 2];
  if (half_readings == 0) {
    half_mean = centred;
    half_readings = 1;
  } else {
    half_residual = centred - half_mean;
    count(half_readings);
    half_mean += profile_gain(half_readings) * half_residual;
  }
  state.smoothed += gain(n, kSmoothGain, kSmoothSettled) * (half_residual - state.smoothed);
  const double floor = update_floor(state, value);

  const std::array<double, 4> signals = {residual, state.smoothed, scaled, floor};
  const std::array<double, 4> relax = {settings_.relax, 0, settings_.relax, 0};
  const std::array<double, 4> weights = {1, 1, 1, kFloorWeight};
  for (size_t i = 0; i < signals.size(); ++i) {
    state.ranges[i].prepare(signals[i], n, relax[i]);
  }
  if (warm && scale > 0) {
    judgement.low = value - residual + state.ranges[kResidual].low;
    judgement.high = value - residual + state.ranges[kResidual].high;
  }
  double excess = 0;
  uint32_t signal = 0;
  double low = 0;
  double high = 0;
  for (uint32_t i = 0; i < signals.size(); ++i) {
    const RangeTrack before = state.ranges[i];
    const double left = weights[i] * state.ranges[i].include(signals[i], n, settings_.warm_up);
    if (left <= excess) continue;
    excess = left;
    signal = i;
    low = before.low;
    high = before.high;
  }
  excess = above_peak(state.peak, fading_, excess);
  judgement.score = excess / (1 + excess);
  if (excess <= 0) return;

  // What is expected of the signal that gave the score, as values of the series.
  const double unit = signal == kScaled ? scale : 1;
  const double base = signal == kFloor ? 0 : value - signals[signal] * unit;
  judgement.signal = signal;
  judgement.low = base + low * unit;
  judgement.high = base + high * unit;
  judgement.excess = excess / weights[signal];
  judgement.subject = signal == kFloor ? floor : value;
}

void RangeQuad::explain(const Judgement& judgement, const Reading& reading,
                        std::string& text) const {
  if (judgement.signal == kFloor) {
    text.append("the lowest of the last ").append(std::to_string(kFloorReadings));
    text += " readings, ";
    append_number(text, judgement.subject);
    text += ", is ";
    append_beyond(text, judgement, "range");
    text += " that it had in the last ";
  } else {
    append_number(text, reading.value);
    text += judgement.signal == kSmoothed ? ", with the readings just before, is " : " is ";
    append_beyond(text, judgement, "range");
    text += judgement.signal == kScaled
                ? " that is usual for the time of day and its spread in the last "
                : " that is usual for the time of day in the last ";
  }
  append_count(text, judgement.readings);
  text += " readings";
}

}  // namespace flow::operators::detectors
