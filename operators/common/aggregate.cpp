#include "operators/common/aggregate.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "operators/common/expression/syntax.hpp"
#include "operators/common/input_column.hpp"
#include "operators/common/nearest_name.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kMostTop = 100;

struct FunctionName {
  std::string_view name;
  AggregateFunction function;
  std::string_view usage;
};
constexpr std::array<FunctionName, 11> kFunctions{{
    {"count", AggregateFunction::kCount, "count() or count(field)"},
    {"sum", AggregateFunction::kSum, "sum(field)"},
    {"min", AggregateFunction::kMin, "min(field)"},
    {"max", AggregateFunction::kMax, "max(field)"},
    {"mean", AggregateFunction::kMean, "mean(field)"},
    {"stddev", AggregateFunction::kStddev, "stddev(field)"},
    {"distinct", AggregateFunction::kDistinct, "distinct(field)"},
    {"quantile", AggregateFunction::kQuantile, "quantile(field, 0.95)"},
    {"first", AggregateFunction::kFirst, "first(field)"},
    {"last", AggregateFunction::kLast, "last(field)"},
    {"top", AggregateFunction::kTop, "top(field, 5)"},
}};

const FunctionName& named(AggregateFunction function) {
  return *std::find_if(kFunctions.begin(), kFunctions.end(),
                       [&](const FunctionName& known) { return known.function == function; });
}

std::optional<double> number_of(const SyntaxNode& node) {
  if (const auto* whole = std::get_if<int64_t>(&node.literal)) return static_cast<double>(*whole);
  if (const auto* number = std::get_if<double>(&node.literal)) return *number;
  return std::nullopt;
}

class CallReader {
 public:
  CallReader(const std::string& option, const std::string& name, const std::string& text)
      : option_(option), name_(name), text_(text) {}

  AggregateCall read() const {
    const SyntaxNode root = parse_expression(text_, option_ + "." + name_);
    if (root.kind != SyntaxKind::kCall) {
      fail(root.offset, "an aggregate is a function of a field",
           "eg: \"count()\" or \"mean(" + example(root) + ")\"");
    }
    const auto known =
        std::find_if(kFunctions.begin(), kFunctions.end(),
                     [&](const FunctionName& function) { return function.name == root.name; });
    if (known == kFunctions.end()) fail_unknown(root);
    AggregateCall call;
    call.name = name_;
    call.function = known->function;
    read_arguments(root, *known, call);
    return call;
  }

 private:
  [[noreturn]] void fail(size_t offset, const std::string& message,
                         const std::string& remedy = {}) const {
    throw OptionFailure(option_, message, remedy, static_cast<int64_t>(offset), name_);
  }
  static std::string example(const SyntaxNode& node) {
    return node.kind == SyntaxKind::kField ? node.name : "bytes";
  }
  [[noreturn]] void fail_unknown(const SyntaxNode& root) const {
    std::vector<std::string> names;
    std::string all;
    for (const FunctionName& function : kFunctions) {
      names.emplace_back(function.name);
      all.append(all.empty() ? "" : ", ").append(function.name);
    }
    const std::string near = nearest_name(names, root.name);
    fail(root.offset, "there is no aggregate '" + root.name + "'",
         near.empty() ? "there are " + all : "did you mean '" + near + "'?");
  }
  void read_arguments(const SyntaxNode& root, const FunctionName& known,
                      AggregateCall& call) const {
    const bool has_number =
        call.function == AggregateFunction::kQuantile || call.function == AggregateFunction::kTop;
    const size_t most = has_number ? 2 : 1;
    const size_t least = call.function == AggregateFunction::kCount ? 0 : most;
    if (root.children.size() < least || root.children.size() > most) {
      fail(root.offset,
           "'" + root.name + "' does not take " + std::to_string(root.children.size()) +
               (root.children.size() == 1 ? " argument" : " arguments"),
           "write " + std::string(known.usage));
    }
    if (root.children.empty()) return;
    const SyntaxNode& field = root.children.front();
    if (field.kind != SyntaxKind::kField) {
      fail(field.offset, "the first argument of '" + root.name + "' must be a field",
           "work the value out before, with the transform compute");
    }
    call.field = field.name;
    call.field_offset = field.offset;
    if (has_number) read_number(root, known, call);
  }
  void read_number(const SyntaxNode& root, const FunctionName& known, AggregateCall& call) const {
    const SyntaxNode& node = root.children[1];
    const std::optional<double> number = number_of(node);
    const bool fraction = call.function == AggregateFunction::kQuantile;
    const double most = fraction ? 1 : static_cast<double>(kMostTop);
    const double least = fraction ? 0 : 1;
    const bool whole = fraction || std::holds_alternative<int64_t>(node.literal);
    if (!number || !whole || !(*number >= least && *number <= most)) {
      fail(node.offset,
           fraction ? "the second argument must be a number from 0 to 1"
                    : "the second argument must be a whole number from 1 to 100",
           "write " + std::string(known.usage));
    }
    if (fraction) {
      call.fraction = *number;
    } else {
      call.values = static_cast<int64_t>(*number);
    }
  }

  const std::string& option_;
  const std::string& name_;
  const std::string& text_;
};

bool is_number(flow_type type) { return type == FLOW_INT64 || type == FLOW_FLOAT64; }

}  // namespace

std::string_view aggregate_functions_doc() {
  return R"(| Function | Result |
|---|---|
| `count()` | rows |
| `count(field)` | values of the field that are not null |
| `sum(field)` | of int64 an int64 (null where it does not fit), of float64 a float64, added row by row in order |
| `min(field)`, `max(field)` | of int64, float64 or timestamp |
| `mean(field)` | float64 |
| `stddev(field)` | of a sample: divided by one less than there are values; null for fewer than two |
| `distinct(field)` | how many different values: exact up to 256, then by HyperLogLog of 4,096 registers: a standard error of 1.6 %. 64 bytes to 4 KiB |
| `quantile(field, 0.95)` | of numbers: the smallest value that at least this share of the values does not exceed, within 0.8 % of itself. Values are counted in buckets of 64 to the power of two, 8 bytes a bucket that has any, 32 KiB at most: values that spread over more than 3,000 buckets are kept half as exactly, and so on |
| `first(field)`, `last(field)` | the value of the earliest or latest row by event time; of equal times, the first or last to arrive. Of a text at most 16 KiB |
| `top(field, 5)` | the most frequent values, at most 100: a list of `{value, count}`, of equal counts the smaller value first. Exact up to 512 different values; past that the rarest are let go, and a count may be too low by at most 0.4 % of the rows. Some 40 bytes a value, and its text, of which 1 KiB is kept |

Nulls, and the NaN of numbers, take part in nothing but `count()`. Where no value is left the result is null, of
`count` and `distinct` 0, of `top` an empty list.
)";
}

std::vector<AggregateCall> parse_aggregates(const Table& table, const std::string& option,
                                            const std::vector<std::string>& taken) {
  if (table.items.empty()) {
    throw OptionFailure(option, "no aggregate is named", "eg: { rows = \"count()\" }");
  }
  std::vector<AggregateCall> calls;
  for (const ValueItem& item : table.items) {
    if (item.second.type != FLOW_OPTION_TEXT) {
      throw OptionFailure(option, "an aggregate is a text", "eg: \"count()\"", -1, item.first);
    }
    if (std::find(taken.begin(), taken.end(), item.first) != taken.end()) {
      throw OptionFailure(option, "the results have a column '" + item.first + "' already",
                          "give the aggregate another name", -1, item.first);
    }
    calls.push_back(CallReader(option, item.first, item.second.text).read());
  }
  return calls;
}

Type aggregate_type(const AggregateCall& call, flow_type field, const std::string& option) {
  const auto refuse = [&](const char* needed) {
    throw OptionFailure(option,
                        "'" + std::string(named(call.function).name) + "' needs " + needed +
                            ", but '" + call.field + "' is " + std::string(type_name(field)),
                        "change its type before, with the transform cast",
                        static_cast<int64_t>(call.field_offset), call.name);
  };
  const bool nested = field == FLOW_STRUCT || field == FLOW_LIST;
  switch (call.function) {
    case AggregateFunction::kCount:
      return Type::int64();
    case AggregateFunction::kDistinct:
      if (nested) refuse("a single value");
      return Type::int64();
    case AggregateFunction::kSum:
      if (!is_number(field)) refuse("a number");
      return Type::of(field);
    case AggregateFunction::kMin:
    case AggregateFunction::kMax:
      if (!is_number(field) && field != FLOW_TIMESTAMP) refuse("a number or timestamp");
      return Type::of(field);
    case AggregateFunction::kMean:
    case AggregateFunction::kStddev:
    case AggregateFunction::kQuantile:
      if (!is_number(field)) refuse("a number");
      return Type::float64();
    case AggregateFunction::kFirst:
    case AggregateFunction::kLast:
      if (nested) refuse("a single value");
      return Type::of(value_type(field));
    case AggregateFunction::kTop:
      break;
  }
  if (nested) refuse("a single value");
  return Type::list(
      Type::structure({{"value", Type::of(value_type(field))}, {"count", Type::int64()}}));
}

std::optional<Type> inferred_aggregate(const AggregateCall& call, const std::string& option,
                                       const Inference& inference) {
  if (call.field.empty()) return Type::int64();
  try {
    const auto type =
        inferred_column(inference, option, call.field, static_cast<int64_t>(call.field_offset));
    if (!type) return std::nullopt;
    return aggregate_type(call, *type, option);
  } catch (const OptionFailure& failure) {
    throw OptionFailure(option, failure.message, failure.remedy, failure.offset, call.name);
  }
}

}  // namespace flow::operators
