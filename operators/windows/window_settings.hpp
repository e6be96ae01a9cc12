// What the window operators have in common: options, columns, and the words for them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/aggregate.hpp"

namespace flow::operators {

enum class Emit : uint8_t { kFinal, kUpdates };
enum class WindowTime : uint8_t { kEvent, kProcessing };

// What the options of a window operator are read into.
struct WindowSettings {
  std::string name;  // of the operator, for messages
  std::vector<Field> key;
  std::vector<AggregateCall> calls;
  Emit emit = Emit::kFinal;
  int64_t every = 0;  // of event time between updates; 0: at each watermark
  WindowTime time = WindowTime::kEvent;
  int64_t max_keys = 0;
};

// The options that all have, bound to members of the same names.
template <class Options>
void describe_key_and_aggregate(Description<Options>& d) {
  d.option("key", &Options::key,
           "The fields by which rows are counted apart. Null equals null. No structs and lists. "
           "Empty: all rows together, by one instance.");
  d.option("aggregate", &Options::aggregate,
           "What to work out: a table from the names of the new columns to calls of count, sum, "
           "min, max, mean, stddev, distinct, quantile, first, last and top, eg: { hits = "
           "\"count()\", p95 = \"quantile(latency, 0.95)\" }.")
      .required();
}
template <class Options>
void describe_emit(Description<Options>& d) {
  d.choice("emit", &Options::emit, {{"final", Emit::kFinal}, {"updates", Emit::kUpdates}},
           "final: one row a key and window, when it is over. updates: also before, for those that "
           "have changed; the column `final` tells them apart. How often depends on the run.");
  d.option("every", &Options::every,
           "With updates: how much event time passes between them at least. \"0s\": at each "
           "watermark, so several times a second.")
      .range(0, 31'536'000'000'000'000);
}
template <class Options>
void describe_time(Description<Options>& d) {
  d.choice("time", &Options::time,
           {{"event", WindowTime::kEvent}, {"processing", WindowTime::kProcessing}},
           "event: the time that event_time gave the rows. processing: the clock when a row comes; "
           "then nothing is late, and the results depend on the run.");
}
// `what`: eg "may have rows that wait"; `which`: what decides, beside the order of the rows, for
// which keys there is room.
template <class Options>
void describe_max_keys(Description<Options>& d, const std::string& what, const std::string& which) {
  d.option("max_keys", &Options::max_keys,
           "How many keys " + what +
               ", all instances together; each of the 128 key groups has an equal share, given "
               "away in the order in which keys come. Rows of further keys fail as "
               "`too_many_keys`: which ones those are depends on the order of rows of several "
               "partitions, and on " +
               which + ".")
      .range(128, 4'000'000'000);
}

template <class Options>
WindowSettings common_settings(const Options& options, std::string name) {
  std::vector<std::string> taken{"window_start", "window_end", "final"};
  for (const Field& field : options.key) taken.push_back(field.name);
  WindowSettings settings;
  settings.name = std::move(name);
  settings.key = options.key;
  settings.calls = parse_aggregates(options.aggregate, "aggregate", taken);
  return settings;
}

// Throws OptionFailure where a required number was left out.
inline void require_option(int64_t value, const std::string& option) {
  if (value <= 0) throw OptionFailure(option, "must be given");
}

// Tells the output's columns; nothing where the input is not known. `final`: with that column.
void infer_windows(const WindowSettings& settings, Inference& inference);
// That updates, or the clock, make the results depend on the run.
void infer_dependence(const WindowSettings& settings, Inference& inference);

// The times and watermarks of a batch's rows: those of the batch, or the clock's and none.
class RowTimes {
 public:
  // Throws Failure for rows without event time where that is asked for.
  void read(const Batch& in, const WindowSettings& settings, int64_t now);
  const int64_t* times() const { return times_; }
  const int64_t* watermarks() const { return watermarks_; }

 private:
  const int64_t* times_ = nullptr;
  const int64_t* watermarks_ = nullptr;
  std::vector<int64_t> clock_, none_;
};

}  // namespace flow::operators
