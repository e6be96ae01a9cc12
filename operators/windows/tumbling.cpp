#include "operators/windows/tumbling.hpp"

#include <string>

namespace flow::operators {
namespace {

WindowSettings settings_of(const Tumbling::Options& options) {
  require_option(options.size.nanoseconds, "size");
  WindowSettings settings = common_settings(options, "tumbling");
  settings.emit = options.emit;
  settings.every = options.every.nanoseconds;
  settings.time = options.time;
  settings.max_keys = options.max_keys;
  return settings;
}

}  // namespace

void Tumbling::describe(Description<Options>& d) {
  d.name("tumbling");
  d.summary("Counts, sums and more of each key in windows of time that follow one another.");
  d.doc(
      R"(Windows of the length `size` stand side by side from 1970 on: with "1m" each minute has its own. A row
belongs to the window that its event time is in, and each key has one result a window: the fields of `key`,
`window_start`, `window_end` (not in it any more), and the columns of `aggregate`.

Results come when the watermark reaches the window's end, in the order of the ends, and within one by the hash of
the key. A row whose window ended at or before the watermark of its partition is late: it goes to the output
`late`, with its columns, whether the window has fired yet or not. So the results are the same whatever the
parallelism, and wherever batches are cut. A row whose event time is within two windows of the ends of 64-bit
nanoseconds (the years 1677 and 2262) fails as `bad_time`.

)" + std::string(aggregate_functions_doc()) +
      R"(
State: for each open window 8 bytes a key, and of each function 8 to 24 (quantile, distinct, first, last and top
keep more beside that), in blocks of 64 keys; and some 80 bytes a key that had rows in the last window. All of it
goes when the window fires. A key of more than 64 KiB fails as `key_too_long`, one for which `state_limit` leaves
no room as `state_limit`. Some 15 to 25 ns a row for count, sum and mean.)");
  d.example(R"toml(type = "tumbling"
inputs = ["timed"]
key = ["host"]
size = "1m"
aggregate = { hits = "count()", bytes = "sum(bytes)", p95 = "quantile(latency, 0.95)" }
)toml");
  d.traits(FLOW_KEYED);
  d.input("in", "The rows to count.", "key");
  d.output("out", "A row for each key and window.");
  d.output("late", "Rows that came too late for their window.");
  d.output("errors", "Rows of keys for which there is no room, and of times that have no window.");
  describe_key_and_aggregate(d);
  d.option("size", &Options::size, "How long a window is. Shorter ones mean more results.")
      .required()
      .range(1'000'000, 31'536'000'000'000'000);
  d.option("offset", &Options::offset,
           "How much later windows begin than at whole multiples of `size` since 1970 UTC, eg "
           "\"5h\" for days that begin at midnight in New York in winter.")
      .range(0, 31'536'000'000'000'000);
  describe_emit(d);
  describe_time(d);
  describe_max_keys(d, "one window may have", "how many windows have fired by then");
}

void Tumbling::infer(const Options& options, Inference& inference) {
  infer_windows(settings_of(options), inference);
}

Tumbling::Tumbling(const Options& options)
    : PanedWindow(settings_of(options), options.size.nanoseconds, options.size.nanoseconds,
                  options.offset.nanoseconds) {}

}  // namespace flow::operators
