#include "operators/common/detectors/stuck.hpp"

#include "operators/common/detectors/wording.hpp"

namespace flow::operators::detectors {

void Stuck::judge(State& state, const Reading& reading, Judgement& judgement) const {
  judgement.readings = state.readings++;
  if (judgement.readings > 0 && std::fabs(reading.value - state.value) <= settings_.tolerance) {
    ++state.equal;
  } else {
    state.value = reading.value;
    state.equal = 1;
  }
  const auto repeated = static_cast<double>(state.equal - 1);
  judgement.score = repeated / (repeated + static_cast<double>(settings_.most - 1));
  judgement.subject = state.value;
  judgement.excess = static_cast<double>(state.equal);
}

void Stuck::explain(const Judgement& judgement, const Reading&, std::string& text) const {
  text += "the last ";
  append_count(text, static_cast<uint64_t>(judgement.excess));
  text += settings_.tolerance > 0 ? " readings all stay near " : " readings are all ";
  append_number(text, judgement.subject);
}

}  // namespace flow::operators::detectors
