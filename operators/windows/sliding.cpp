#include "operators/windows/sliding.hpp"

#include <numeric>
#include <string>

namespace flow::operators {
namespace {

constexpr int64_t kMostPanes = 10'000;

WindowSettings settings_of(const Sliding::Options& options) {
  const int64_t size = options.size.nanoseconds;
  const int64_t slide = options.slide.nanoseconds;
  require_option(size, "size");
  require_option(slide, "slide");
  if (slide > size) {
    throw OptionFailure("slide", "rows between two windows would count for none",
                        "at most `size`, which makes it tumbling");
  }
  const int64_t pane = std::gcd(size, slide);
  if (size / pane > kMostPanes) {
    throw OptionFailure("slide",
                        "a window would be made of " + std::to_string(size / pane) + " pieces",
                        "let `size` be a multiple of `slide`, and at most 10,000 of them");
  }
  WindowSettings settings = common_settings(options, "sliding");
  settings.emit = options.emit;
  settings.every = options.every.nanoseconds;
  settings.time = options.time;
  settings.max_keys = options.max_keys;
  return settings;
}

}  // namespace

void Sliding::describe(Description<Options>& d) {
  d.name("sliding");
  d.summary("Counts, sums and more of each key in windows of time that overlap.");
  d.doc(
      R"(A window of the length `size` begins at each multiple of `slide`: with "1h" and "1m" there is a result each
minute, of the hour before it. Each key with rows in a window has one: the fields of `key`, `window_start`,
`window_end` (not in it any more), and the columns of `aggregate`.

Windows share their panes, pieces as long as the greatest common divisor of `size` and `slide`: a row costs the
same as in `tumbling`. Where `slide` divides `size`, sums of panes are kept too, so that a result costs a few additions
however many panes its window has. Sums of float64 add up the rows of each pane in order, then the panes in an order
that depends on nothing but time; so a result may differ in its last digit from adding row by row.

Results come when the watermark reaches the window's end, in the order of the ends, and within one by the hash of
the key. A row misses the windows that ended at or before the watermark of its partition, whether they have fired
yet or not, and counts for the others it belongs to; the metric `missed_windows` counts what was missed. One that misses all
of them goes to the output `late`, with its columns. So the results are the same whatever the parallelism, and wherever
batches are cut. A row whose event time is within two windows of the ends of 64-bit nanoseconds (the
years 1677 and 2262) fails as `bad_time`.

)" + std::string(aggregate_functions_doc()) +
      R"(
State: for each pane 8 bytes a key, and of each function 8 to 24 (quantile, distinct, first, last and top keep more
beside that), in blocks of 64 keys, and as much again in memory for the sums; some 80 bytes a key. A pane goes with its last window, a key when it has
no row in the last window. A key of more than 64 KiB fails as `key_too_long`, one for which `state_limit` leaves no room as
`state_limit`.)");
  d.example(R"toml(type = "sliding"
inputs = ["timed"]
key = ["device"]
size = "5m"
slide = "10s"
aggregate = { readings = "count()", mean = "mean(value)" }
)toml");
  d.traits(FLOW_KEYED);
  d.input("in", "The rows to count.", "key");
  d.output("out", "A row for each key and window.");
  d.output("late", "Rows that came too late for all of their windows.");
  d.output("errors", "Rows of keys for which there is no room, and of times that have no window.");
  describe_key_and_aggregate(d);
  d.option("size", &Options::size, "How long a window is.")
      .required()
      .range(1'000'000, 31'536'000'000'000'000);
  d.option("slide", &Options::slide,
           "How much later than the one before it a window begins. At most `size`, best a divisor "
           "of it: otherwise panes are short and many, and a result costs as much as its window "
           "has panes.")
      .required()
      .range(1'000'000, 31'536'000'000'000'000);
  d.option("offset", &Options::offset,
           "How much later windows begin than at whole multiples of `slide` since 1970 UTC.")
      .range(0, 31'536'000'000'000'000);
  describe_emit(d);
  describe_time(d);
  describe_max_keys(d, "one pane may have", "how many windows have fired by then");
}

void Sliding::infer(const Options& options, Inference& inference) {
  infer_windows(settings_of(options), inference);
}

Sliding::Sliding(const Options& options)
    : PanedWindow(settings_of(options), options.size.nanoseconds, options.slide.nanoseconds,
                  options.offset.nanoseconds) {}

}  // namespace flow::operators
