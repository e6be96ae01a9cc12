#include "operators/common/detectors/missing.hpp"

#include <algorithm>
#include <cstring>

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

KeyColumns::KeyColumns(Host host, int64_t rows, std::span<const flow_type> types)
    : host_(host), rows_(rows), types_(types.begin(), types.end()) {
  numbers_.resize(types_.size());
  texts_.resize(types_.size());
  for (size_t field = 0; field < types_.size(); ++field) {
    if (!AnyTextView::accepts(types_[field])) continue;
    if (types_[field] == FLOW_CATEGORY) types_[field] = FLOW_TEXT;
    texts_[field].emplace(host, rows, types_[field]);
  }
}

void KeyColumns::append(std::string_view key) {
  const auto take = [&](size_t bytes) {
    const std::string_view taken = key.substr(0, bytes);
    key.remove_prefix(taken.size());
    return taken;
  };
  for (size_t field = 0; field < types_.size(); ++field) {
    const std::string_view present = take(1);
    const bool is_null = present.empty() || present[0] == '\0';
    if (texts_[field]) {
      if (is_null) {
        texts_[field]->append_null();
        continue;
      }
      uint32_t length = 0;
      const std::string_view size = take(sizeof length);
      std::memcpy(&length, size.data(), size.size());
      texts_[field]->append(take(length));
      continue;
    }
    std::optional<int64_t> number;
    if (!is_null) {
      int64_t value = 0;
      const std::string_view bytes = take(types_[field] == FLOW_BOOL ? 1 : sizeof value);
      std::memcpy(&value, bytes.data(), bytes.size());
      number = value;
    }
    numbers_[field].push_back(number);
  }
}

std::vector<TypedColumn> KeyColumns::finish() {
  const auto fill = [](auto builder, const std::vector<std::optional<int64_t>>& values,
                       auto convert) {
    for (const std::optional<int64_t>& value : values) {
      if (value) {
        builder.append(convert(*value));
      } else {
        builder.append_null();
      }
    }
    return builder.finish();
  };
  const auto as_is = [](int64_t value) { return value; };
  std::vector<TypedColumn> columns;
  for (size_t field = 0; field < types_.size(); ++field) {
    const auto& numbers = numbers_[field];
    switch (types_[field]) {
      case FLOW_BOOL:
        columns.push_back(
            {fill(BoolBuilder(host_, rows_), numbers, [](int64_t value) { return value != 0; }),
             Type::boolean()});
        break;
      case FLOW_FLOAT64:
        columns.push_back({fill(Float64Builder(host_, rows_), numbers,
                                [](int64_t value) { return std::bit_cast<double>(value); }),
                           Type::float64()});
        break;
      case FLOW_TIMESTAMP:
        columns.push_back(
            {fill(TimestampBuilder(host_, rows_), numbers, as_is), Type::timestamp()});
        break;
      case FLOW_INT64:
        columns.push_back({fill(Int64Builder(host_, rows_), numbers, as_is), Type::int64()});
        break;
      default:
        columns.push_back({texts_[field]->finish(), types_[field] == FLOW_JSON     ? Type::json()
                                                    : types_[field] == FLOW_BINARY ? Type::binary()
                                                                                   : Type::text()});
    }
  }
  return columns;
}

}  // namespace flow::operators::detectors
