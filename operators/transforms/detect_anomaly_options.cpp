// What `detect_anomaly` says of itself.
#include "operators/common/input_column.hpp"
#include "operators/transforms/detect_anomaly.hpp"

namespace flow::operators {

void DetectAnomaly::describe(Description<Options>& d) {
  d.name("detect_anomaly");
  d.summary("Finds readings that are unlike those before in their series.");
  d.doc(
      R"(The rows with the same values in the fields of `key` are one series of readings. Each reading is judged
by those before it, never by later ones, and then learned from. It gets the columns

| column | type | |
|---|---|---|
| `score` | float | 0 to 1: how unusual it is |
| `is_anomaly` | bool | the score reaches the method's threshold |
| `method` | category | which method the score is from |
| `expected_low`, `expected_high` | float | what was expected; null while the method warms up, and where there is no such limit |
| `reason` | text | for people, as "31.2 is 8.7 % beyond the range 4.1 to 27.5 of the last 12,400 readings"; null in rows that are no anomaly |

in the place of columns of these names, if the row has any.

| `method` | an anomaly is | score | threshold | state a series |
|---|---|---|---|---|
| `range_quad` | a value, or one of three signals made of it (without its daily profile; that smoothed; the lowest of the last 24), outside of the range it ever had | e / (1 + e), e the distance as a share of the range | 0.0797 | 1.4 KiB |
| `range` | a value outside of the range it ever had | the same | 0.005 | 100 bytes |
| `ewma` | a value far from the exponential mean | z / (z + 5), z in standard deviations | 0.6 | 80 bytes |
| `gaussian` | a value that is improbable after the last `window` readings | -log10 of the probability / 300 | 0.04 | 8 bytes a reading of the window |
| `threshold` | a value below `min` or above `max` | 0, or 0.5 and more | 0.5 | 60 bytes |
| `rate_of_change` | a change of `max_change` or more in `per` | r / (1 + r), r the share of what is allowed | 0.5 | 80 bytes |
| `stuck` | a value that is repeated `stuck_after` times or more | r / (r + stuck_after - 1), r repetitions | 0.5 | 80 bytes |
| `missing` | no reading for `expected_every` | 1 | | 100 bytes and a timer |
| `ensemble` | what those of `methods` find together | see `combine` | 0.5 | the sum |

`range_quad` needs no setting, has one threshold for all series since its score does not depend on their scale,
and tells an incident once rather than once a reading; it knows daily patterns, and thus the time of the row.
The methods `range_quad`, `rate_of_change` and `missing` take the time from `time` or from event_time upstream.

`missing` passes rows on with a score of 0, and makes a row when the watermark passes the time at which a
series should have been heard of: with the fields of `key` and the columns above only (and `time`, if that is
a plain name), its event time the moment at which the reading was missed. Once a silence. What has not come by
the end of the input is not missing.

A row fails as `no_key` where a field of `key` is null (readings of unknown origin are no series), as
`no_value`, `not_finite`, `too_large` (beyond 1e150) or `not_a_number` by its value, as `no_time` where that is needed and null, as
`key_too_long` with a key above 64 KiB. Texts and JSON tokens that say a number are numbers.

At most `max_keys` series are known, each of 128 groups by hash a share of them: beyond that the eighth of a
group's series that were silent for longest is forgotten, counted in the metric `evicted_keys`, and begins
anew when it comes back. The result depends only on the order of the readings within each series, unless
series are forgotten, which depends on the order in the group.

`range_quad` takes some 150 ns a reading with 10,000 series.)");
  d.example(R"(type = "detect_anomaly"
inputs = ["readings"]
key = ["device", "quantity"]
value = "value"
)");
  d.traits(FLOW_KEYED);
  d.input("in", "The readings, each series in the order of its times.", "key");
  d.output("out", "The readings with what was found, and rows for missing ones.");
  d.output("errors", "Rows that are no reading, or for whose series there is no room.");
  d.option("key", &Options::key,
           "The fields that tell one series from another. Empty: all rows are one series, judged "
           "by one instance. No structs and lists.");
  d.option("value", &Options::value, "The field to judge: a number, or a text that says one.");
  d.option("time", &Options::time,
           "A timestamp field with the time of the reading. Empty: the event time, which an "
           "event_time upstream sets.");
  d.choice("method", &Options::method,
           {{"range_quad", Method::kRangeQuad},
            {"range", Method::kRange},
            {"ewma", Method::kEwma},
            {"gaussian", Method::kGaussian},
            {"threshold", Method::kThreshold},
            {"rate_of_change", Method::kRateOfChange},
            {"stuck", Method::kStuck},
            {"missing", Method::kMissing},
            {"ensemble", Method::kEnsemble}},
           "How readings are judged, as in the table above.");
  d.option("methods", &Options::methods,
           "With method = \"ensemble\": the names of two or more methods. Of `missing`, which "
           "judges no reading, the rows are made as always.");
  d.choice("combine", &Options::combine,
           {{"max", Combine::kMax}, {"median", Combine::kMedian}, {"min", Combine::kMin}},
           "How an ensemble's scores become one, each stretched so that its method's threshold is "
           "0.5: the largest (one method is enough), the median (more than half of them must "
           "agree), the smallest (all must). Method, band and reason are those of the largest.");
  d.option("score_threshold", &Options::score_threshold,
           "The score from which on a reading is an anomaly, instead of the method's own; of an "
           "ensemble that of the combined score.")
      .range(1e-9, 0.999999);
  d.option("score_thresholds", &Options::score_thresholds,
           "With method = \"ensemble\": thresholds of its methods by name, eg { ewma = 0.7 }.");
  d.option("warm_up", &Options::warm_up,
           "How many readings of a series are only learned from. By default 50, ewma 30. Of the "
           "range family, ewma and gaussian.")
      .range(0, 1'000'000'000);
  d.option("relax", &Options::relax,
           "By what share of their distance the ends of the range creep towards the mean with each "
           "reading, so that old extremes are forgotten: 0.0001 halves them in 7,000 readings. By "
           "default 0.0001 for range_quad, 0 for range.")
      .range(0, 0.5);
  d.option("hold", &Options::hold,
           "For how many readings after an anomaly only what is further out counts. By default 60 "
           "for range_quad, 0 (the range itself includes the value) for range.")
      .range(0, 1e9);
  d.option("alpha", &Options::alpha, "Of ewma: the weight of the newest reading.").range(1e-6, 1);
  d.option("window", &Options::window,
           "Of gaussian: how many readings it remembers, 8 bytes each (rounded up to 64, 256, "
           "1000, 2000, 4000 or 8000 readings).")
      .range(2, 8000);
  d.option("min", &Options::min, "Of threshold: the lowest good value.");
  d.option("max", &Options::max, "Of threshold: the highest good value.");
  d.option("max_change", &Options::max_change,
           "Of rate_of_change, required there: the change in `per`, up or down, that is too much.")
      .range(1e-300, 1e300);
  d.option("per", &Options::per, "Of rate_of_change: the time that `max_change` is for.")
      .range(1, 31'536'000'000'000'000);
  d.option("stuck_after", &Options::stuck_after,
           "Of stuck: how many equal readings in a row are too many.")
      .range(2, 1'000'000'000);
  d.option("tolerance", &Options::tolerance,
           "Of stuck: values that differ from the first of them by no more count as equal.")
      .range(0, 1e300);
  d.option("expected_every", &Options::expected_every,
           "Of missing, required there: the longest good time between two readings of a series.")
      .range(1'000'000, 31'536'000'000'000'000);
  d.option("max_keys", &Options::max_keys,
           "How many series are known at most, all instances together. A million of them take "
           "some 1.5 GiB of state with range_quad: see also state_limit.")
      .range(128, 1'000'000'000);
  d.choice("when_full", &Options::when_full,
           {{"evict", WhenFull::kEvict}, {"fail", WhenFull::kFail}},
           "What happens beyond `max_keys`: evict forgets the series that were silent for longest; "
           "fail lets the rows of new series fail as `too_many_keys`.");
}

void DetectAnomaly::infer(const Options& options, Inference& inference) {
  if (options.when_full == WhenFull::kEvict) {
    inference.depend(FLOW_ORDER_DEPENDENT,
                     OptionFailure("when_full",
                                   "past max_keys the order of arrival decides which series are "
                                   "forgotten"));
  }
  for (const Field& field : options.key) {
    const auto type = inferred_column(inference, "key", field.name);
    if (type && (*type == FLOW_STRUCT || *type == FLOW_LIST)) {
      throw OptionFailure("key", "the column '" + field.name + "' is a " +
                                     std::string(type_name(*type)) + ", which is no key");
    }
  }
  const auto value = inferred_column(inference, "value", options.value.name);
  if (value && !detectors::NumberInput::accepts(*value)) {
    throw OptionFailure("value",
                        "the column '" + options.value.name + "' is " +
                            std::string(type_name(*value)) + ", but a number is needed",
                        {}, 0);
  }
  if (!options.time.name.empty()) {
    const auto time = inferred_column(inference, "time", options.time.name);
    if (time && *time != FLOW_TIMESTAMP) {
      throw OptionFailure("time",
                          "the column '" + options.time.name + "' is " +
                              std::string(type_name(*time)) + ", but a timestamp is needed",
                          {}, 0);
    }
  }
  inference.with({{"score", Type::float64()},
                  {"is_anomaly", Type::boolean()},
                  {"method", Type::category()},
                  {"expected_low", Type::float64()},
                  {"expected_high", Type::float64()},
                  {"reason", Type::text()}});
}

}  // namespace flow::operators
