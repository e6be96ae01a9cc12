#include "operators/transforms/validate_rules.hpp"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <utility>

#include "operators/common/nearest_name.hpp"
#include "operators/common/rfc3339.hpp"

namespace flow::operators {
namespace {

constexpr std::array<std::pair<const char*, ValidatedType>, 6> kTypes = {
    {{"text", ValidatedType::kText},
     {"category", ValidatedType::kText},
     {"int", ValidatedType::kInt},
     {"float", ValidatedType::kFloat},
     {"bool", ValidatedType::kBool},
     {"timestamp", ValidatedType::kTimestamp}}};
constexpr std::array<const char*, 9> kKeys = {"type",       "required",     "min",
                                              "max",        "pattern",      "one_of",
                                              "max_length", "expected_min", "expected_max"};

// Reads the rules of one field, and says of each mistake where it is.
class RuleReader {
 public:
  explicit RuleReader(const std::string& field) { rules_.name = field; }

  FieldRules read(const Value& value) {
    if (value.type == FLOW_OPTION_TEXT) {
      rules_.type = type_of(value);
      return std::move(rules_);
    }
    if (value.type != FLOW_OPTION_TABLE) {
      fail("a field's rules are a table or a type", "write { type = \"float\", min = 0 }");
    }
    for (const ValueItem& item : value.items) {
      if (item.first == "type") rules_.type = type_of(item.second);
    }
    for (const ValueItem& item : value.items) read_rule(item.first, item.second);
    check();
    return std::move(rules_);
  }

 private:
  [[noreturn]] void fail(const std::string& message, const std::string& remedy = {}) const {
    throw OptionFailure("schema", message, remedy, -1, rules_.name);
  }

  ValidatedType type_of(const Value& value) const {
    std::vector<std::string> names;
    for (const auto& [name, type] : kTypes) {
      if (value.type == FLOW_OPTION_TEXT && value.text == name) return type;
      names.emplace_back(name);
    }
    const std::string nearest = nearest_name(names, value.text);
    fail("the type must be one of text, category, int, float, bool, timestamp; '" + value.text +
             "' is none",
         nearest.empty() ? "" : "did you mean '" + nearest + "'?");
  }

  void read_rule(const std::string& key, const Value& value) {
    if (key == "type") return;
    if (key == "required") {
      if (value.type != FLOW_OPTION_BOOL) fail("required is true or false");
      rules_.required = value.integer != 0;
    } else if (key == "min") {
      rules_.has_range = true;
      set_low(rules_.range, key, value);
    } else if (key == "max") {
      rules_.has_range = true;
      set_high(rules_.range, key, value);
    } else if (key == "expected_min") {
      rules_.has_expected = true;
      set_low(rules_.expected, key, value);
    } else if (key == "expected_max") {
      rules_.has_expected = true;
      set_high(rules_.expected, key, value);
    } else if (key == "pattern") {
      read_pattern(value);
    } else if (key == "one_of") {
      read_one_of(value);
    } else if (key == "max_length") {
      if (value.type != FLOW_OPTION_INT || value.integer < 0) {
        fail("max_length is a number of characters");
      }
      rules_.max_length = value.integer;
    } else {
      const std::string nearest = nearest_name({kKeys.begin(), kKeys.end()}, key);
      fail("there is no rule '" + key + "'",
           nearest.empty() ? "rules are type, required, min, max, expected_min, expected_max, "
                             "pattern, one_of, max_length"
                           : "did you mean '" + nearest + "'?");
    }
  }

  // A bound as a number of both kinds; a timestamp's is a text.
  std::pair<double, std::optional<int64_t>> bound(const std::string& key,
                                                  const Value& value) const {
    if (rules_.type == ValidatedType::kTimestamp) {
      const std::optional<int64_t> time =
          value.type == FLOW_OPTION_TEXT ? parse_rfc3339(value.text) : std::nullopt;
      if (!time) fail(key + " of a timestamp is a text like \"2025-01-01T00:00:00Z\"");
      return {static_cast<double>(*time), time};
    }
    if (value.type == FLOW_OPTION_INT) return {value.number, value.integer};
    if (value.type != FLOW_OPTION_FLOAT || !std::isfinite(value.number)) {
      fail(key + " is a number");
    }
    return {value.number, std::nullopt};
  }
  static int64_t whole(double value) {
    if (value <= -9.3e18) return INT64_MIN;
    if (value >= 9.2e18) return INT64_MAX;
    return static_cast<int64_t>(value);
  }
  void set_low(ValidRange& range, const std::string& key, const Value& value) const {
    const auto [number, exact] = bound(key, value);
    range.low = number;
    range.int_low = exact ? *exact : whole(std::ceil(number));
  }
  void set_high(ValidRange& range, const std::string& key, const Value& value) const {
    const auto [number, exact] = bound(key, value);
    range.high = number;
    range.int_high = exact ? *exact : whole(std::floor(number));
  }

  void read_pattern(const Value& value) {
    if (value.type != FLOW_OPTION_TEXT) fail("pattern is a regular expression, a text");
    re2::RE2::Options how;
    how.set_log_errors(false);
    auto pattern = std::make_shared<const re2::RE2>(value.text, how);
    if (!pattern->ok()) fail("pattern: " + pattern->error(), "the syntax is that of RE2");
    rules_.pattern = std::move(pattern);
  }

  void read_one_of(const Value& value) {
    if (value.type != FLOW_OPTION_LIST || value.items.empty()) {
      fail("one_of is a list of values", "write one_of = [\"a\", \"b\"]");
    }
    rules_.one_of = true;
    for (const ValueItem& item : value.items) {
      const Value& one = item.second;
      if (one.type == FLOW_OPTION_TEXT) {
        rules_.texts.insert(one.text);
      } else if (one.type == FLOW_OPTION_INT || one.type == FLOW_OPTION_FLOAT) {
        rules_.numbers.push_back(one.number);
      } else {
        fail("one_of holds texts or numbers");
      }
    }
    if (!rules_.texts.empty() && !rules_.numbers.empty()) {
      fail("one_of holds texts or numbers, not both");
    }
    std::sort(rules_.numbers.begin(), rules_.numbers.end());
  }

  void check() const {
    const bool of_text = rules_.pattern != nullptr || rules_.max_length || !rules_.texts.empty();
    if (rules_.range.low > rules_.range.high || rules_.expected.low > rules_.expected.high) {
      fail("the minimum is above the maximum");
    }
    if (of_text && rules_.compares_numbers()) {
      fail("rules of texts (pattern, one_of, max_length) and of numbers (min, max) in one field");
    }
    switch (rules_.type) {
      case ValidatedType::kText:
        if (rules_.compares_numbers()) fail("min and max are rules of numbers, not of text");
        break;
      case ValidatedType::kBool:
        if (of_text || rules_.compares_numbers()) fail("a bool has no other rule than required");
        break;
      case ValidatedType::kInt:
      case ValidatedType::kFloat:
      case ValidatedType::kTimestamp:
        if (of_text) fail("pattern, max_length and texts in one_of are rules of text");
        break;
      case ValidatedType::kAny:
        break;
    }
    if (rules_.type == ValidatedType::kTimestamp && !rules_.numbers.empty()) {
      fail("a timestamp has no one_of");
    }
  }

  FieldRules rules_;
};

}  // namespace

const char* rule_name(ValidationRule rule) {
  constexpr std::array<const char*, kValidationRules> kNames = {
      "required", "type",   "not_finite", "min",          "max",
      "pattern",  "one_of", "max_length", "expected_min", "expected_max"};
  return kNames[static_cast<size_t>(rule)];
}

ValidRange ValidRange::nothing() { return {-DBL_MAX, DBL_MAX, INT64_MIN, INT64_MAX}; }

std::vector<FieldRules> read_rules(const Table& schema) {
  if (schema.items.empty()) throw OptionFailure("schema", "name at least one field");
  std::vector<FieldRules> fields;
  for (const ValueItem& item : schema.items) {
    fields.push_back(RuleReader(item.first).read(item.second));
  }
  return fields;
}

}  // namespace flow::operators
