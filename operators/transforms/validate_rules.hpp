// What the option `schema` of `validate` says, read once.
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "flow/inference.hpp"
#include "flow/options.hpp"

namespace flow::operators {

// In the order in which a field is asked; the first one that is broken is reported.
enum class ValidationRule : uint8_t {
  kRequired,
  kType,
  kFinite,
  kMin,
  kMax,
  kPattern,
  kOneOf,
  kMaxLength,
  kExpectedMin,  // from here on: suspect, not bad
  kExpectedMax
};
inline constexpr int kValidationRules = 10;

// As options, reasons and `quality_rule` name it; of kFinite: "not_finite".
const char* rule_name(ValidationRule rule);

enum class ValidatedType : uint8_t { kAny, kText, kInt, kFloat, kBool, kTimestamp };

// Closed, in the unit of the values; those of integers are exact.
struct ValidRange {
  double low, high;
  int64_t int_low, int_high;
  // `nothing`: no bound on either side.
  static ValidRange nothing();
  bool has(double value) const { return value >= low && value <= high; }
  bool has(int64_t value) const { return value >= int_low && value <= int_high; }
};

struct FieldRules {
  std::string name;
  ValidatedType type = ValidatedType::kAny;
  bool required = false;
  bool has_range = false;     // min or max is given
  bool has_expected = false;  // expected_min or expected_max is
  ValidRange range = ValidRange::nothing();
  ValidRange expected = ValidRange::nothing();
  std::shared_ptr<const re2::RE2> pattern;
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_set<std::string, TextHash, std::equal_to<>> texts;  // one_of
  std::vector<double> numbers;                                       // one_of, sorted
  bool one_of = false;
  std::optional<int64_t> max_length;
  bool compares_numbers() const { return has_range || has_expected || !numbers.empty(); }
};

// Throws OptionFailure with the field and what is wrong.
std::vector<FieldRules> read_rules(const Table& schema);

}  // namespace flow::operators
