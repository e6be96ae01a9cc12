#include "operators/common/detectors/threshold.hpp"

#include <algorithm>

#include "operators/common/detectors/wording.hpp"

namespace flow::operators::detectors {

Threshold::Threshold(const Settings& settings) : settings_(settings) {
  const bool has_low = std::isfinite(settings.low);
  const bool has_high = std::isfinite(settings.high);
  width_ = has_low && has_high ? settings.high - settings.low
                               : std::max(1.0, std::fabs(has_low ? settings.low : settings.high));
}

void Threshold::judge(State& state, const Reading& reading, Judgement& judgement) const {
  judgement.readings = state.readings++;
  if (std::isfinite(settings_.low)) judgement.low = settings_.low;
  if (std::isfinite(settings_.high)) judgement.high = settings_.high;
  const double distance =
      std::max({0.0, reading.value - settings_.high, settings_.low - reading.value});
  if (distance <= 0) return;
  judgement.excess = distance;
  judgement.score = 0.5 + 0.5 * (distance / (distance + width_ + kEpsilon));
}

void Threshold::explain(const Judgement&, const Reading& reading, std::string& text) const {
  append_number(text, reading.value);
  const bool above = reading.value > settings_.high;
  text += above ? " is above the limit " : " is below the limit ";
  append_number(text, above ? settings_.high : settings_.low);
}

}  // namespace flow::operators::detectors
