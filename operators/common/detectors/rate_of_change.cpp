#include "operators/common/detectors/rate_of_change.hpp"

#include "operators/common/detectors/wording.hpp"

namespace flow::operators::detectors {

void RateOfChange::judge(State& state, const Reading& reading, Judgement& judgement) const {
  judgement.readings = state.readings++;
  if (judgement.readings == 0) {
    state.value = reading.value;
    state.time = reading.time;
    return;
  }
  if (reading.time < state.time) return;
  // Times that far apart do not fit: as doubles they do.
  const double steps = (static_cast<double>(reading.time) - static_cast<double>(state.time)) /
                       static_cast<double>(settings_.per);
  if (reading.time > state.time) {
    const double allowed = settings_.most * steps;
    const double share = std::fabs(reading.value - state.value) / (allowed + kEpsilon * kEpsilon);
    judgement.score = share < std::numeric_limits<double>::infinity() ? share / (1 + share) : 1;
    judgement.low = state.value - allowed * band_;
    judgement.high = state.value + allowed * band_;
    judgement.subject = state.value;
    judgement.excess = std::fabs(reading.value - state.value) / steps;
  }
  state.value = reading.value;
  state.time = reading.time;
}

void RateOfChange::explain(const Judgement& judgement, const Reading& reading,
                           std::string& text) const {
  text += "from ";
  append_number(text, judgement.subject);
  text += " to ";
  append_number(text, reading.value);
  text += " is a change of ";
  append_number(text, judgement.excess);
  text += " in ";
  append_duration(text, settings_.per);
  text += ", where ";
  append_number(text, settings_.most * band_);
  text += " is the most expected";
}

}  // namespace flow::operators::detectors
