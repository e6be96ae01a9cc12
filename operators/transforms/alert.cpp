#include "operators/transforms/alert.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "flow/host/key_hash.hpp"
#include "flow/utf8.hpp"
#include "operators/common/input_column.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kRowsAtOnce = 4096;
constexpr const char* kStateLimit = "state_limit";
constexpr const char* kNoRoom = "alert: no room for one more key: raise state_limit";
constexpr const char* kTooManySeries =
    "alert: more than 2,700 series of one key are anomalous at once: name what an incident is of "
    "in key";

// Sums of times that stay where times end.
int64_t later(int64_t time, int64_t by) {
  int64_t sum;
  return __builtin_add_overflow(time, by, &sum) ? INT64_MAX : sum;
}
int64_t between(int64_t from, int64_t to) {
  int64_t difference;
  return __builtin_sub_overflow(to, from, &difference) ? INT64_MAX : difference;
}

std::vector<std::string> names_of(const std::vector<Field>& fields) {
  std::vector<std::string> names;
  names.reserve(fields.size());
  for (const Field& field : fields) names.push_back(field.name);
  return names;
}

std::vector<std::pair<std::string, double>> read_levels(const Table& table) {
  std::vector<std::pair<std::string, double>> levels;
  for (const ValueItem& item : table.items) {
    const bool number =
        item.second.type == FLOW_OPTION_INT || item.second.type == FLOW_OPTION_FLOAT;
    if (!number || !std::isfinite(item.second.number)) {
      throw OptionFailure("severity", "this is no score", "write warning = 0.5", -1, item.first);
    }
    levels.emplace_back(item.first, item.second.number);
  }
  if (levels.empty()) levels = {{"warning", 0.0}, {"critical", 0.9}};
  if (levels.size() > 100) throw OptionFailure("severity", "more than 100 levels");
  std::stable_sort(levels.begin(), levels.end(),
                   [](const auto& a, const auto& b) { return a.second < b.second; });
  return levels;
}

}  // namespace

Alert::Shared::Shared(const Options& options, Host)
    : when(CompiledExpression::compile(options.when.text, "when")),
      levels(read_levels(options.severity)) {
  if (options.key.empty() || options.key.size() > kLongestKey) {
    throw OptionFailure("key", "name 1 to 16 fields");
  }
  const std::vector<std::string> own = AlertRows::own_names();
  for (const Field& field : options.key) {
    if (std::find(own.begin(), own.end(), field.name) != own.end()) {
      throw OptionFailure("key", "'" + field.name + "' is a column that alerts have anyway",
                          "rename the field before");
    }
    const auto same = [&](const Field& other) { return other.name == field.name; };
    if (std::count_if(options.key.begin(), options.key.end(), same) > 1) {
      throw OptionFailure("key", "'" + field.name + "' stands there twice");
    }
  }
}

void Alert::describe(Description<Options>& d) {
  d.name("alert");
  d.summary("Makes incidents of anomalous readings: opened, updated, resolved.");
  d.doc(
      R"(A reading is anomalous where `when` is true, and calm where it is false or null. What comes out is not
the readings but a row for each step of an incident, so that a burst of a thousand anomalous readings is one
alert. Each value of `key` has at most one incident at a time:

- *opened* with the reading by which a series of the key has had `open_after` anomalous readings in a row, over
  at least `min_duration`. A series is a key, or with `series` a part of it, such as one quantity of a device: a
  calm reading ends the run of its own series only.
- *updated* when the severity rises, and every `update_every` while anomalous readings come.
- *resolved* when the last anomalous reading is `resolve_after` ago, without a further reading if need be. With
  `resolve_below` readings whose score is not below it count as anomalous as long as the incident is open.
- For `cool_down` behind that no incident of the key opens; if it is anomalous still, one opens then.

The columns: `incident` (text, 16 hexadecimal digits of the key and the time of opening, the same in every run),
`state` (category: opened, updated, resolved), `severity` (category), `time` of the step, the fields of the key
(texts of any kind as text), `started_at` (the first anomalous reading of the run), `ended_at` (of a resolved
one, its last anomalous reading), `count` (anomalous readings so far), `worst_score`, and the `reason` of the
reading with the worst score (up to 1 KiB of it).

Time is the event time that an `event_time` before it set, and time passes by watermarks: the same readings give
the same incidents in every run, whatever the batches, as long as the rows of a key come in the same order. Behind
an operator with a finer key (detect_anomaly by device and quantity, with `series`) they may not. An anomalous reading that comes when an incident of its
time would be over already goes to `late`. Rows fail as `state_limit` where there is no room for one more key,
as `key_too_long` (64 KiB), and as `too_many_series` (2,700 series of one key anomalous at once).

Calm readings of a key without an incident cost about 10 ns and no state; a key with one takes 300 bytes beside
the key's own, until it is calm and its cool-down over.)");
  d.example(R"(type = "alert"
inputs = ["scored"]
key = ["device"]
series = ["quantity"]
open_after = 2
resolve_after = "10m"
cool_down = "30m"
severity = { warning = 0.5, critical = 0.9 }
)");
  d.traits(FLOW_KEYED);
  d.input("in", "Readings, with whether each is anomalous.", "key");
  d.output("out", "A row for each step of an incident.");
  d.output("late", "Anomalous readings that came too late.");
  d.output("errors", "Rows for whose key there is no room.");
  d.option("key", &Options::key,
           "The fields that an incident is of; null is a value. At most one incident at a time for "
           "each of their values.")
      .required();
  d.option("series", &Options::series,
           "Fields that tell apart the series of readings within a key, as quantities of a device: "
           "one incident is opened for all of them together.");
  d.option("when", &Options::when, "The condition of an anomalous reading, an expression.");
  d.option("score", &Options::score,
           "The number that says how bad a reading is, for severity and `resolve_below`. Without "
           "such a field every incident has the lowest severity.");
  d.option("reason", &Options::reason, "The text that says why; may be missing.");
  d.option("open_after", &Options::open_after,
           "How many anomalous readings of a series in a row open an incident.")
      .range(1, 1e9);
  d.option("min_duration", &Options::min_duration,
           "How long they must last, from the first to the one that opens it.")
      .range(0, 1e18);
  d.option("resolve_below", &Options::resolve_below,
           "Hysteresis: while an incident is open, readings with at least this score keep it open, "
           "even where `when` is false. Below the score that `when` asks for.");
  d.option("resolve_after", &Options::resolve_after,
           "How long there must be no anomalous reading before the incident is resolved. Longer "
           "than the pause between two readings. A run of `open_after` ends by it, too.")
      .range(1, 1e18);
  d.option("cool_down", &Options::cool_down,
           "How long after an incident was resolved none is opened for its key.")
      .range(0, 1e18);
  d.option("update_every", &Options::update_every,
           "How often an open incident is told again while anomalous readings come. 0s: only when "
           "its severity rises.")
      .range(0, 1e18);
  d.option("severity", &Options::severity,
           "Names of severities with the score from which each is meant. Left out: { warning = 0, "
           "critical = 0.9 }. A score below all of them has the lowest.");
  d.choice("time", &Options::time, {{"event", Time::kEvent}, {"processing", Time::kProcessing}},
           "What time is: event, that of the rows, set by an `event_time` before it; or "
           "processing, the clock as they arrive, which makes incidents depend on the run.");
}

void Alert::infer(const Options& options, Shared& shared, Inference& inference) {
  infer_condition(shared.when, inference, true);
  if (options.time == Time::kProcessing) {
    inference.depend(FLOW_CLOCK_DEPENDENT, OptionFailure("time", "is the clock"));
  }
  if (!options.series.empty()) {
    inference.depend(FLOW_ORDER_DEPENDENT,
                     OptionFailure("series", "several series of a key meet in one incident"));
  }
  Fields key;
  bool known = true;
  for (const Field& field : options.key) {
    const auto type = inferred_column(inference, "key", field.name);
    if (type && (*type == FLOW_STRUCT || *type == FLOW_LIST)) {
      throw OptionFailure("key", "'" + field.name + "' is a " + std::string(type_name(*type)) +
                                     ", which is no key");
    }
    known = known && type.has_value();
    if (type) key.emplace_back(field.name, Type::of(*type));
  }
  for (const Field& field : options.series) inferred_column(inference, "series", field.name);
  if (known) inference.output(AlertRows::fields(key));
}

Alert::Alert(const Options& options, Shared& shared)
    : options_(options),
      shared_(shared),
      when_(shared.when),
      rows_(options.key),
      series_(names_of(options.series)),
      score_(options.score.name),
      reason_(options.reason.name) {
  for (const Field& field : options.key) key_finders_.emplace_back(field.name);
}

void Alert::open(Output& out) {
  watches_.emplace(out, "incidents", 1);
  std::vector<std::string> severities;
  for (const auto& [name, score] : shared_.levels) severities.push_back(name);
  told_ = std::make_unique<AlertRows>(out, names_of(options_.key), severities);
  opened_ = out.counter("incidents_opened", "Incidents that were opened.");
  suppressed_ = out.counter("suppressed_readings",
                            "Anomalous readings that would have opened an incident but for the "
                            "cool-down.");
}

// ---- reading rows ----

Alert::Inputs Alert::read_inputs(const Batch& in, Output& out) {
  Inputs inputs;
  inputs.now = out.now();
  if (options_.time == Time::kEvent) {
    inputs.times = in.event_times();
    inputs.watermarks = in.watermarks();
    if (inputs.times == nullptr || inputs.watermarks == nullptr) {
      throw Failure(
          "alert: the rows have no event time: put an event_time before it, or set time = "
          "\"processing\"");
    }
  }
  if (const flow_column* score = score_.find(in); score != nullptr) {
    if (score->type == FLOW_FLOAT64) {
      inputs.float_scores.emplace(*score);
    } else if (score->type == FLOW_INT64) {
      inputs.int_scores.emplace(*score);
    } else {
      throw Failure("alert: score: the field '" + score_.name() + "' is " +
                    std::string(type_name(score->type)) + ", but a number is needed");
    }
  }
  if (const flow_column* reason = reason_.find(in); reason != nullptr) {
    if (!AnyTextView::accepts(reason->type)) {
      throw Failure("alert: reason: the field '" + reason_.name() + "' is " +
                    std::string(type_name(reason->type)) + ", but text is needed");
    }
    inputs.reasons.emplace(*reason);
  }
  for (size_t i = 0; i < key_finders_.size(); ++i) {
    const flow_column* column = key_finders_[i].find(in);
    if (column != nullptr) {
      known_types_[i] = static_cast<uint8_t>(key_column_type(column->type));
    } else if (known_types_[i] == 0) {
      known_types_[i] = FLOW_TEXT;  // every value is null
    }
  }
  inputs.key_types = known_types_;
  series_.read(in);
  return inputs;
}

void Alert::read_reading(const Inputs& inputs, Reading& reading) {
  const int32_t row = reading.row;
  if (inputs.float_scores && !inputs.float_scores->is_null(row)) {
    const double score = (*inputs.float_scores)[row];
    if (!std::isnan(score)) reading.score = score;
  } else if (inputs.int_scores && !inputs.int_scores->is_null(row)) {
    reading.score = static_cast<double>((*inputs.int_scores)[row]);
  }
  if (inputs.reasons && !inputs.reasons->is_null(row)) {
    reading.reason = utf8_prefix((*inputs.reasons)[row], kLongestReason);
  }
  reading.series = options_.series.empty() ? 0 : host::hash_bytes(series_.key(row));
}

// After a restart the table is there before any row is.
void Alert::count_watches() {
  filter_.assign(kFilter, 0);
  for (uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
    watches_->for_each(group, [&](uint64_t hash, std::string_view, const Watch&) {
      ++filter_[filter_place(hash)];
    });
  }
}

Status Alert::consume(uint32_t, const Batch& in, Output& out) {
  rows_.read(in, out);
  const Inputs inputs = read_inputs(in, out);
  const Selection selection = when_.select(in, out);
  for (const std::string& message : when_.take_missing()) out.warn(message);
  if (filter_.empty()) count_watches();
  late_.clear();
  size_t next_bad = 0;
  int64_t calm = 0;
  for (const int32_t row : rows_.rows()) {
    while (next_bad < selection.rows.size() && selection.rows[next_bad] < row) ++next_bad;
    const bool bad = next_bad < selection.rows.size() && selection.rows[next_bad] == row;
    const uint64_t hash = rows_.hash(row);
    if (!bad && filter_[filter_place(hash)] == 0) {
      ++calm;
      continue;
    }
    Reading reading{row,
                    hash,
                    rows_.key(row),
                    0,
                    inputs.times != nullptr ? inputs.times[row] : inputs.now,
                    inputs.watermarks != nullptr ? inputs.watermarks[row] : inputs.now,
                    bad,
                    std::nullopt,
                    std::nullopt};
    if (reading.key.size() > Watches::kLongestBytes) {
      out.fail(
          in, row, "key_too_long",
          "alert: a key of " + std::to_string(reading.key.size()) + " bytes, more than 64 KiB");
      continue;
    }
    read_reading(inputs, reading);
    take(reading, inputs, in, out);
  }
  out.absorb(calm);
  if (!late_.empty()) {
    out.late(out.select(in, late_.data(), static_cast<int64_t>(late_.size())));
  }
  emit_told(out);
  return Status::kDone;
}

// ---- what a reading means ----

void Alert::take(const Reading& reading, const Inputs& inputs, const Batch& in, Output& out) {
  Watch* watch = watches_->modify(reading.hash, reading.key);
  if (watch != nullptr) watch = expire(watch, reading.hash, reading.key, reading.watermark);
  const bool keeps_open = watch != nullptr && watch->is_open != 0 && options_.resolve_below &&
                          reading.score && *reading.score >= *options_.resolve_below;
  if (!reading.bad && !keeps_open) {
    if (watch != nullptr && watch->is_open == 0) end_run(*watch, reading);
    out.absorb(1);
    return;
  }
  if (later(reading.time, options_.resolve_after.nanoseconds) <= reading.watermark) {
    late_.push_back(reading.row);
    return;
  }
  if (watch == nullptr) {
    watch = watches_->insert(reading.hash, reading.key);
    if (watch == nullptr) {
      out.fail(in, reading.row, kStateLimit, kNoRoom);
      return;
    }
    ++filter_[filter_place(reading.hash)];
    watch->key_types = inputs.key_types;
  }
  if (watch->is_open == 0) {
    if (const char* refusal = add_to_run(*watch, reading); refusal != nullptr) {
      const bool full = std::string_view(refusal) == kStateLimit;
      out.fail(in, reading.row, refusal, full ? kNoRoom : kTooManySeries);
      return;
    }
  }
  add_bad(*watch, reading, out);
  out.absorb(1);
}

void Alert::add_bad(Watch& watch, const Reading& reading, Output& out) {
  ++watch.count;
  watch.last_bad = std::max(watch.last_bad, reading.time);
  const bool is_worst =
      watch.count == 1 || (reading.score && (watch.has_score == 0 || *reading.score > watch.worst));
  if (is_worst) {
    watches_->remove(reading.hash, watch.reason);
    watch.reason = {};
    watch.has_reason = 0;
    if (reading.reason) {
      // Past state_limit an incident goes without its reason.
      const auto stored = watches_->store(reading.hash, *reading.reason);
      if (stored) watch.reason = *stored;
      watch.has_reason = stored ? 1 : 0;
    }
    if (reading.score) {
      watch.worst = *reading.score;
      watch.has_score = 1;
    }
  }
  if (watch.is_open == 0) {
    const auto run = std::find_if(runs_.begin(), runs_.end(),
                                  [&](const Run& known) { return known.series == reading.series; });
    if (run->readings >= options_.open_after &&
        between(run->start, reading.time) >= options_.min_duration.nanoseconds) {
      if (reading.time >= watch.cool_until) {
        open_incident(watch, *run, reading);
      } else {
        ++n_suppressed_;
      }
    }
  } else {
    const uint8_t severity = severity_of(watch);
    const bool due = options_.update_every.nanoseconds > 0 &&
                     between(watch.told_at, reading.time) >= options_.update_every.nanoseconds;
    if (severity > watch.severity || due) {
      watch.severity = std::max(watch.severity, severity);
      watch.told_at = reading.time;
      tell(watch, reading.hash, reading.key, AlertState::kUpdated, reading.time);
    }
  }
  if (watch.timer_at == INT64_MIN) set_timer(watch, reading.hash, reading.key, out);
}

// Leaves the key's runs in runs_.
const char* Alert::add_to_run(Watch& watch, const Reading& reading) {
  const std::string_view bytes = watches_->load(reading.hash, watch.runs);
  runs_.resize(bytes.size() / sizeof(Run));
  if (!runs_.empty()) std::memcpy(runs_.data(), bytes.data(), bytes.size());
  auto run = std::find_if(runs_.begin(), runs_.end(),
                          [&](const Run& known) { return known.series == reading.series; });
  if (run == runs_.end()) {
    if ((runs_.size() + 1) * sizeof(Run) > Watches::kLongestBytes) return "too_many_series";
    runs_.push_back({reading.series, reading.time, 0});
    run = runs_.end() - 1;
  }
  ++run->readings;
  run->start = std::min(run->start, reading.time);
  return store_runs(watch, reading.hash) ? nullptr : kStateLimit;
}

// False: past state_limit, and the runs are forgotten.
bool Alert::store_runs(Watch& watch, uint64_t hash) {
  watches_->remove(hash, watch.runs);
  const auto stored = watches_->store(
      hash, {reinterpret_cast<const char*>(runs_.data()), runs_.size() * sizeof(Run)});
  watch.runs = stored.value_or(StoredBytes{});
  return stored.has_value();
}

void Alert::end_run(Watch& watch, const Reading& reading) {
  const std::string_view bytes = watches_->load(reading.hash, watch.runs);
  runs_.resize(bytes.size() / sizeof(Run));
  if (runs_.empty()) return;
  std::memcpy(runs_.data(), bytes.data(), bytes.size());
  const auto ended = std::remove_if(
      runs_.begin(), runs_.end(), [&](const Run& known) { return known.series == reading.series; });
  if (ended == runs_.end()) return;
  runs_.erase(ended, runs_.end());
  if (runs_.empty()) {
    forget_runs(watch, reading.hash);
    // What is left is a cool-down, whose end will find the record.
    if (watch.cool_until == INT64_MIN) erase(watch, reading.hash, reading.key);
    return;
  }
  store_runs(watch, reading.hash);
}

void Alert::open_incident(Watch& watch, const Run& run, const Reading& reading) {
  watch.is_open = 1;
  watch.started_at = run.start;
  watch.opened_at = reading.time;
  watch.told_at = reading.time;
  watch.severity = severity_of(watch);
  watches_->remove(reading.hash, watch.runs);
  watch.runs = {};
  ++n_opened_;
  tell(watch, reading.hash, reading.key, AlertState::kOpened, reading.time);
}

// ---- time ----

void Alert::forget_runs(Watch& watch, uint64_t hash) {
  watches_->remove(hash, watch.runs);
  watches_->remove(hash, watch.reason);
  watch.runs = {};
  watch.reason = {};
  watch.has_reason = 0;
  watch.has_score = 0;
  watch.count = 0;
  watch.last_bad = INT64_MIN;
}

int64_t Alert::deadline(const Watch& watch) const {
  const int64_t calm = watch.last_bad == INT64_MIN
                           ? INT64_MIN
                           : later(watch.last_bad, options_.resolve_after.nanoseconds);
  return calm != INT64_MIN ? calm : watch.cool_until;
}

Alert::Watch* Alert::expire(Watch* watch, uint64_t hash, std::string_view key, int64_t until) {
  if (watch->last_bad != INT64_MIN) {
    const int64_t over = deadline(*watch);
    if (over > until) return watch;
    if (watch->is_open != 0) {
      tell(*watch, hash, key, AlertState::kResolved, over);
      watch->is_open = 0;
      watch->cool_until = later(over, options_.cool_down.nanoseconds);
    }
    forget_runs(*watch, hash);
  }
  if (watch->cool_until > until) return watch;
  erase(*watch, hash, key);
  return nullptr;
}

void Alert::set_timer(Watch& watch, uint64_t hash, std::string_view key, const Output& out) const {
  watch.timer_at = deadline(watch);
  const flow_key timer_key{.size = sizeof(flow_key),
                           .length = static_cast<uint32_t>(key.size()),
                           .hash = hash,
                           .bytes = key.data()};
  out.get()->timer(out.get(),
                   options_.time == Time::kEvent ? FLOW_EVENT_TIME : FLOW_PROCESSING_TIME,
                   watch.timer_at, &timer_key);
}

void Alert::erase(Watch& watch, uint64_t hash, std::string_view key) {
  watches_->remove(hash, watch.runs);
  watches_->remove(hash, watch.reason);
  watches_->erase(hash, key);
  --filter_[filter_place(hash)];
}

Status Alert::timer(flow_time, int64_t nanoseconds, std::span<const flow_key* const> keys,
                    Output& out) {
  if (filter_.empty()) count_watches();
  while (fired_ < keys.size()) {
    if (told_->size() >= kRowsAtOnce) {
      emit_told(out);
      if (out.room() <= 0) return Status::kMore;
    }
    const flow_key& due = *keys[fired_++];
    const std::string_view key(static_cast<const char*>(due.bytes), due.length);
    Watch* watch = watches_->modify(due.hash, key);
    if (watch == nullptr) continue;
    if (watch->timer_at == nanoseconds) watch->timer_at = INT64_MIN;
    watch = expire(watch, due.hash, key, nanoseconds);
    if (watch != nullptr && watch->timer_at == INT64_MIN) set_timer(*watch, due.hash, key, out);
  }
  fired_ = 0;
  emit_told(out);
  return Status::kDone;
}

// ---- rows out ----

uint8_t Alert::severity_of(const Watch& watch) const {
  uint8_t severity = 0;
  if (watch.has_score == 0) return severity;
  for (size_t i = 0; i < shared_.levels.size(); ++i) {
    if (shared_.levels[i].second <= watch.worst) severity = static_cast<uint8_t>(i);
  }
  return severity;
}

void Alert::tell(const Watch& watch, uint64_t hash, std::string_view key, AlertState state,
                 int64_t time) {
  AlertRow row;
  row.id = host::hash_bytes(key, static_cast<uint64_t>(watch.opened_at));
  row.state = state;
  row.severity = watch.severity;
  row.time = time;
  row.started_at = watch.started_at;
  if (state == AlertState::kResolved) row.ended_at = watch.last_bad;
  row.count = watch.count;
  if (watch.has_score != 0) row.worst = watch.worst;
  std::optional<std::string_view> reason;
  if (watch.has_reason != 0) reason = watches_->load(hash, watch.reason);
  told_->add(row, key, watch.key_types, reason);
}

void Alert::emit_told(Output& out) {
  if (told_->size() > 0) out.create(told_->take(out));
  if (n_opened_ > 0) opened_.record(static_cast<double>(n_opened_));
  if (n_suppressed_ > 0) suppressed_.record(static_cast<double>(n_suppressed_));
  n_opened_ = 0;
  n_suppressed_ = 0;
}

}  // namespace flow::operators
