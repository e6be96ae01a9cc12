#include "operators/common/detectors/range.hpp"

#include "operators/common/detectors/wording.hpp"

namespace flow::operators::detectors {

void Range::judge(State& state, const Reading& reading, Judgement& judgement) const {
  judgement.readings = state.readings;
  const uint64_t n = ++state.readings;
  RangeTrack& range = state.range;
  range.prepare(reading.value, n, settings_.relax);
  if (n > settings_.warm_up + 1) {
    judgement.low = range.low;
    judgement.high = range.high;
  }
  const double excess =
      above_peak(state.peak, fading_, range.include(reading.value, n, settings_.warm_up));
  judgement.excess = excess;
  judgement.score = excess / (1 + excess);
}

void append_beyond(std::string& text, const Judgement& judgement, const char* range) {
  if (judgement.high > judgement.low) {
    append_percent(text, judgement.excess);
    text.append(" beyond the ").append(range).append(" ");
    append_number(text, judgement.low);
    text += " to ";
    append_number(text, judgement.high);
  } else {
    text.append("outside of the ").append(range).append(", which was ");
    append_number(text, judgement.low);
    text += " throughout,";
  }
}

void Range::explain(const Judgement& judgement, const Reading& reading, std::string& text) const {
  append_number(text, reading.value);
  text += " is ";
  append_beyond(text, judgement, "range");
  text += " of the last ";
  append_count(text, judgement.readings);
  text += " readings";
}

}  // namespace flow::operators::detectors
