#include "operators/common/detectors/ewma.hpp"

#include "operators/common/detectors/wording.hpp"

namespace flow::operators::detectors {
namespace {

constexpr double kHalfScore = 5;  // deviations that score 0.5

}  // namespace

Ewma::Ewma(const Settings& settings)
    : settings_(settings),
      settled_(settled_at(settings.alpha)),
      band_(kHalfScore * settings.threshold / (1 - settings.threshold)) {}

void Ewma::judge(State& state, const Reading& reading, Judgement& judgement) const {
  judgement.readings = state.readings;
  const double weight = gain(++state.readings, settings_.alpha, settled_);
  const double distance = reading.value - state.mean;
  if (state.readings > settings_.warm_up) {
    const double unit = divisor(state.variance, state.mean);
    const double deviations = std::fabs(distance) / unit;
    judgement.score = deviations / (deviations + kHalfScore);
    judgement.excess = deviations;
    judgement.subject = state.mean;
    judgement.low = state.mean - band_ * unit;
    judgement.high = state.mean + band_ * unit;
  }
  state.mean += weight * distance;
  state.variance = (1 - weight) * (state.variance + weight * distance * distance);
}

void append_deviations(std::string& text, const Judgement& judgement, const Reading& reading) {
  append_number(text, reading.value);
  text += " is ";
  constexpr double kDecimals = 10;
  append_number(text, std::round(judgement.excess * kDecimals) / kDecimals);
  text += " times the usual deviation away from the mean ";
  append_number(text, judgement.subject);
  text += " of the last ";
  append_count(text, judgement.readings);
  text += " readings";
}

void Ewma::explain(const Judgement& judgement, const Reading& reading, std::string& text) const {
  append_deviations(text, judgement, reading);
}

}  // namespace flow::operators::detectors
