#include "operators/common/detectors/missing.hpp"

#include <algorithm>

#include "operators/common/detectors/wording.hpp"
#include "operators/common/rfc3339.hpp"

namespace flow::operators::detectors {
namespace {

constexpr uint32_t kVersion = 1;

}  // namespace

void SilenceWatch::open(Host host) {
  table_.emplace(host, kName, kVersion, bound_.max_keys, bound_.when_full);
}

int64_t SilenceWatch::deadline(const State& state) const {
  return state.last > INT64_MAX - every_ ? INT64_MAX : state.last + every_;
}

void SilenceWatch::set(const flow_host* host, State& state, int64_t time, uint64_t hash,
                       std::string_view key) {
  const flow_key bytes{.size = sizeof(flow_key),
                       .length = static_cast<uint32_t>(key.size()),
                       .hash = hash,
                       .bytes = key.data()};
  state.timer = time;
  state.has_timer = 1;
  host->timer(host, FLOW_EVENT_TIME, time, &bytes);
}

void SilenceWatch::note(const flow_host* host, std::span<const KeyedReading> readings,
                        KeyedRows& keys, std::span<const flow_type> types,
                        const int64_t* watermarks, std::vector<Silence>& ended) {
  refused_.clear();
  ended.clear();
  for (size_t i = 0; i < readings.size(); ++i) {
    const KeyedReading& at = readings[i];
    const std::string_view key = keys.key(at.row);
    State* state = table_->find(at.hash, key);
    if (state == nullptr) state = table_->admit(at.hash, key);
    if (state == nullptr) {
      refused_.emplace_back(i, table_->refusal());
      continue;
    }
    if (state->known == 0) {
      state->known = 1;
      state->last = at.reading.time;
      for (size_t field = 0; field < types.size() && field < kMostKeyFields; ++field) {
        state->types[field] = static_cast<uint8_t>(types[field]);
      }
    }
    // Without a timer it has been told already.
    if (state->has_timer != 0 && watermarks != nullptr && deadline(*state) <= watermarks[at.row]) {
      ended.push_back(silence_of(*state, key, deadline(*state)));
      ended.back().row = at.row;
    }
    state->last = std::max(state->last, at.reading.time);
    if (state->has_timer == 0) set(host, *state, deadline(*state), at.hash, key);
  }
}

void SilenceWatch::timer(const flow_host* host, int64_t time,
                         std::span<const flow_key* const> keys) {
  for (const flow_key* due : keys) {
    const std::string_view key(static_cast<const char*>(due->bytes), due->length);
    State* state = table_->peek(due->hash, key);
    // Of a series that was forgotten, or of one that was and came back: it has set another.
    if (state == nullptr || state->has_timer == 0 || state->timer != time) continue;
    state->has_timer = 0;
    if (const int64_t next = deadline(*state); next > time) {
      set(host, *state, next, due->hash, key);
      continue;
    }
    silent_.push_back(silence_of(*state, key, time));
  }
}

SilenceWatch::Silence SilenceWatch::silence_of(const State& state, std::string_view key,
                                               int64_t due) {
  Silence silence;
  silence.key = key;
  std::copy(state.types.begin(), state.types.end(), silence.types.begin());
  silence.last = state.last;
  silence.due = due;
  return silence;
}

std::vector<SilenceWatch::Silence> SilenceWatch::take(int64_t watermark) {
  std::vector<Silence> silent = std::exchange(silent_, {});
  if (watermark == INT64_MAX) silent.clear();
  return silent;
}

void SilenceWatch::explain(const Silence& silence, std::string& text) const {
  text += "no reading since ";
  std::array<char, kRfc3339Bytes> time;
  text.append(time.data(), format_rfc3339(silence.last, time.data()));
  text += ", where one is expected every ";
  append_duration(text, every_);
}

}  // namespace flow::operators::detectors
