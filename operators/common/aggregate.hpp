// What an option of aggregates says: `{ hits = "count()", p95 = "quantile(latency, 0.95)" }`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/inference.hpp"
#include "flow/options.hpp"

namespace flow::operators {

enum class AggregateFunction : uint8_t {
  kCount,     // of rows; with a field, of its values
  kSum,       // of int64 as int64, of float64 row by row in order
  kMin,       // of numbers and timestamps
  kMax,       //
  kMean,      //
  kStddev,    // of a sample: divided by one less than there are values
  kDistinct,  // different values: exact up to kExactDistinct, then within 1.6 % (one deviation)
  kQuantile,  // of numbers, within 0.8 %
  kFirst,     // by event time, of equal times the one that arrived first
  kLast,      // of equal times the one that arrived last
  kTop        // the most frequent values with their counts
};

// One aggregate. Nulls, and the NaN of numbers, take part in none but count().
struct AggregateCall {
  std::string name;  // of the output column
  AggregateFunction function{};
  std::string field;        // "": count()
  double fraction = 0;      // of quantile, 0 to 1
  int64_t values = 0;       // of top
  size_t field_offset = 0;  // where in the text the field stands
};

// What reference pages say of the functions, in Markdown.
std::string_view aggregate_functions_doc();

// The calls of the table option `option`, in its order. Throws OptionFailure with the place in the
// text, and the nearest name of a function that there is not; also for no aggregate at all, one
// without a text, and a name of `taken`.
std::vector<AggregateCall> parse_aggregates(const Table& table, const std::string& option,
                                            const std::vector<std::string>& taken);

// The column that a call makes of a field of that type (of a category as of a text). Throws
// OptionFailure for a type that the function cannot work on.
Type aggregate_type(const AggregateCall& call, flow_type field, const std::string& option);

// The same for what is known of an input; none: not known. Throws OptionFailure for a missing
// field.
std::optional<Type> inferred_aggregate(const AggregateCall& call, const std::string& option,
                                       const Inference& inference);

// A category's values are texts.
inline flow_type value_type(flow_type type) { return type == FLOW_CATEGORY ? FLOW_TEXT : type; }

}  // namespace flow::operators
