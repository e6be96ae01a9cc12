#include "operators/transforms/validate.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "flow/utf8.hpp"
#include "operators/common/input_column.hpp"
#include "operators/common/json_text.hpp"
#include "operators/common/json_writer.hpp"
#include "operators/common/rfc3339.hpp"
#include "operators/common/utf8_text.hpp"

namespace flow::operators {
namespace {

constexpr size_t kShownBytes = 60;
enum : int32_t { kGood = 0, kSuspect = 1, kBad = 2 };

uint8_t broken(ValidationRule rule) { return static_cast<uint8_t>(rule); }

// Characters, as far as they matter: more than `limit`?
bool is_longer(std::string_view text, int64_t limit) {
  if (static_cast<int64_t>(text.size()) <= limit) return false;
  return static_cast<int64_t>(utf8_length(text)) > limit;
}

template <class Number>
std::optional<Number> spelled(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

std::string shown(std::string_view text) { return "'" + beginning(text, kShownBytes) + "'"; }

std::string shown(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "infinity" : "-infinity";
  char text[kNumberBytes + kWriteSlack];
  return {text, write_double(text, value)};
}

std::string shown_time(int64_t nanoseconds) {
  char text[kRfc3339Bytes];
  return {text, format_rfc3339(nanoseconds, text)};
}

std::string shown_value(const flow_column& column, int64_t row) {
  switch (column.type) {
    case FLOW_INT64:
      return std::to_string(Int64View(column)[row]);
    case FLOW_FLOAT64:
      return shown(Float64View(column)[row]);
    case FLOW_TIMESTAMP:
      return shown_time(Int64View(column)[row]);
    case FLOW_BOOL:
      return BoolView(column)[row] ? "true" : "false";
    default:
      return shown(AnyTextView(column)[row]);
  }
}

std::string shown_bound(const FieldRules& rules, double bound, int64_t exact) {
  return rules.type == ValidatedType::kTimestamp ? shown_time(exact) : shown(bound);
}

const char* type_word(ValidatedType type) {
  switch (type) {
    case ValidatedType::kInt:
      return "int";
    case ValidatedType::kFloat:
      return "float";
    case ValidatedType::kBool:
      return "bool";
    case ValidatedType::kTimestamp:
      return "timestamp";
    default:
      return "text";
  }
}

}  // namespace

void Validate::describe(Description<Options>& d) {
  d.name("validate");
  d.summary("Checks the fields of rows against rules, and says how good each row is.");
  d.doc(
      R"(Each field of `schema` has a type, or a table of rules:

- `type`: text (or category), int, float, bool or timestamp. Without it the column's own type counts.
- `required = true`: null, or a field that is not there, breaks it. A null keeps all other rules.
- `min`, `max`: bounds that are allowed themselves; of a timestamp as texts like "2025-01-01T00:00:00Z".
- `expected_min`, `expected_max`: what is usual. A value beyond is possible, but suspect.
- `pattern`: an RE2 expression that matches somewhere in the text; begin with `^` and end with `$` to pin it.
- `one_of`: the list of texts, or of numbers, that are allowed.
- `max_length`: the most characters of a text.

A float of the schema is finite: NaN and infinities break the rule `not_finite`, whatever its bounds. Texts,
categories and JSON tokens count as the number, bool or time that they spell, where `type` asks for one, or a
bound does; the column stays as it is (`cast` converts it). A float column of type int holds whole numbers.

Every row gets two columns: `quality` (category), "good" or "suspect", and `quality_rule` (category), for a row
that is not good the first rule that it breaks, as "value.expected_max". A row that breaks a rule which makes it
bad goes to `errors`, as it came in, with the rule as the reason (required, type, not_finite, min, max, pattern,
one_of, max_length) and the field and value in the message. With `strict = false` it stays, with the quality
"bad". Fields are asked in the order of `schema`, and the first broken rule counts; what is bad outweighs what
is suspect.

Numbers cost about 1 ns a row and field, categories 2, texts what their rules take: 5 ns for `one_of`, 50 and more
for `pattern`.)");
  d.example(R"(type = "validate"
inputs = ["readings"]
schema = { device = { required = true, pattern = "^d-[0-9]+$" }, value = { type = "float", required = true, min = -60, max = 10000 }, quantity = { one_of = ["humidity", "power"] } }
)");
  d.traits(FLOW_STATELESS);
  d.output("out", "The rows with their quality.");
  d.output("errors", "Rows that break a rule, as they came in; with strict = false none.");
  d.option("schema", &Options::schema,
           "The rules of each field: a type's name, or a table of rules. Dotted names reach inside "
           "structs. Fields that are not named are not looked at.")
      .required();
  d.option(
      "strict", &Options::strict,
      "Whether rows that break a rule go to `errors`. false: they stay, with the quality bad.");
  d.option("quality", &Options::quality,
           "The name of the column for the quality; that of the broken rule has `_rule` behind "
           "it. They replace columns of those names.");
}

// Nothing: the rules cannot be asked of such a column.
std::optional<Validate::Reading> Validate::reading_of(const FieldRules& rules, flow_type type) {
  const bool reads_text = AnyTextView::accepts(type);
  const bool plain_rules = rules.compares_numbers();
  switch (rules.type) {
    case ValidatedType::kText:
      return reads_text ? std::optional(Reading::kText) : std::nullopt;
    case ValidatedType::kInt:
      if (type == FLOW_INT64) return Reading::kInt;
      if (type == FLOW_FLOAT64) return Reading::kWhole;
      return reads_text ? std::optional(Reading::kTextInt) : std::nullopt;
    case ValidatedType::kFloat:
      if (type == FLOW_INT64) return Reading::kInt;
      if (type == FLOW_FLOAT64) return Reading::kFloat;
      return reads_text ? std::optional(Reading::kTextFloat) : std::nullopt;
    case ValidatedType::kBool:
      if (type == FLOW_BOOL) return Reading::kOpaque;
      return reads_text ? std::optional(Reading::kTextBool) : std::nullopt;
    case ValidatedType::kTimestamp:
      if (type == FLOW_TIMESTAMP) return Reading::kInt;
      return reads_text ? std::optional(Reading::kTextTime) : std::nullopt;
    case ValidatedType::kAny:
      break;
  }
  const bool text_rules = rules.pattern != nullptr || rules.max_length || !rules.texts.empty();
  if (text_rules) return reads_text ? std::optional(Reading::kText) : std::nullopt;
  if (plain_rules) {
    if (type == FLOW_INT64) return Reading::kInt;
    if (type == FLOW_FLOAT64) return Reading::kFloat;
    return reads_text ? std::optional(Reading::kTextFloat) : std::nullopt;
  }
  return type == FLOW_FLOAT64 ? Reading::kFloat : Reading::kOpaque;
}

void Validate::infer(const Options& options, Shared& shared, Inference& inference) {
  const flow_schema* const schema = inference.input();
  if (schema == nullptr) return;
  for (const FieldRules& rules : shared.fields) {
    const ColumnPath path = find_column(*schema, rules.name);
    if (path.steps.empty()) {
      if (inference.open()) continue;
      const std::string what = rules.required ? "; every row fails as required" : "";
      inference.warn(OptionFailure("schema",
                                   "there is no column '" + rules.name + "' in the input" + what,
                                   missing_column_remedy(*schema, rules.name), -1, rules.name));
      continue;
    }
    if (!reading_of(rules, path.type)) {
      inference.problem(OptionFailure("schema",
                                      "the column '" + rules.name + "' is " +
                                          std::string(type_name(path.type)) +
                                          ", which these rules cannot be asked of",
                                      "convert it with cast first", -1, rules.name));
    }
  }
  inference.with(
      {{options.quality, Type::category()}, {options.quality + "_rule", Type::category()}});
}

Validate::Validate(const Options& options, Shared& shared)
    : options_(options), rule_column_(options.quality + "_rule"), said_(shared.fields.size()) {
  if (options.quality.empty()) throw OptionFailure("quality", "the column needs a name");
  for (const FieldRules& rules : shared.fields) fields_.emplace_back(rules);
}

void Validate::open(Output& out) {
  suspects_ = out.counter("suspect_rows", "Rows that were passed on as suspect.");
  TextBuilder words(out, 3);
  for (const char* word : {"good", "suspect", "bad"}) words.append(word);
  words_ = words.finish();
  TextBuilder rules(out, static_cast<int64_t>(fields_.size()) * kValidationRules);
  std::string name;
  for (const Field& field : fields_) {
    for (int rule = 0; rule < kValidationRules; ++rule) {
      name.assign(field.rules.name).append(".");
      name.append(rule_name(static_cast<ValidationRule>(rule)));
      rules.append(name);
    }
  }
  rule_names_ = rules.finish();
}

void Validate::find_columns(const Batch& in) {
  if (schema_.get() == &in.schema()) return;
  for (Field& field : fields_) {
    const flow_column* column = field.finder.find(in);
    field.reading = Reading::kAbsent;
    if (column == nullptr) continue;
    const std::optional<Reading> reading = reading_of(field.rules, column->type);
    if (!reading) {
      throw Failure("validate: schema." + field.rules.name + ": the column is " +
                    std::string(type_name(column->type)) +
                    ", which these rules cannot be asked of; convert it with cast first");
    }
    field.reading = *reading;
  }
  schema_ = Reference<const flow_schema>::share(&in.schema());
}

uint8_t Validate::number_verdict(const FieldRules& rules, double value) {
  if (!std::isfinite(value)) return broken(ValidationRule::kFinite);
  if (value < rules.range.low) return broken(ValidationRule::kMin);
  if (value > rules.range.high) return broken(ValidationRule::kMax);
  if (!rules.numbers.empty() &&
      !std::binary_search(rules.numbers.begin(), rules.numbers.end(), value)) {
    return broken(ValidationRule::kOneOf);
  }
  if (value < rules.expected.low) return broken(ValidationRule::kExpectedMin);
  if (value > rules.expected.high) return broken(ValidationRule::kExpectedMax);
  return kKept;
}

uint8_t Validate::integer_verdict(const FieldRules& rules, int64_t value) {
  if (value < rules.range.int_low) return broken(ValidationRule::kMin);
  if (value > rules.range.int_high) return broken(ValidationRule::kMax);
  if (!rules.numbers.empty() &&
      !std::binary_search(rules.numbers.begin(), rules.numbers.end(), static_cast<double>(value))) {
    return broken(ValidationRule::kOneOf);
  }
  if (value < rules.expected.int_low) return broken(ValidationRule::kExpectedMin);
  if (value > rules.expected.int_high) return broken(ValidationRule::kExpectedMax);
  return kKept;
}

uint8_t Validate::text_verdict(const FieldRules& rules, std::string_view text) {
  if (rules.pattern != nullptr &&
      !re2::RE2::PartialMatch({text.data(), text.size()}, *rules.pattern)) {
    return broken(ValidationRule::kPattern);
  }
  if (!rules.texts.empty() && rules.texts.find(text) == rules.texts.end()) {
    return broken(ValidationRule::kOneOf);
  }
  if (rules.max_length && is_longer(text, *rules.max_length)) {
    return broken(ValidationRule::kMaxLength);
  }
  return kKept;
}

uint8_t Validate::spelled_verdict(const FieldRules& rules, Reading reading, std::string_view text) {
  switch (reading) {
    case Reading::kTextInt: {
      const std::optional<int64_t> value = spelled<int64_t>(text);
      return value ? integer_verdict(rules, *value) : broken(ValidationRule::kType);
    }
    case Reading::kTextFloat: {
      const std::optional<double> value = spelled<double>(text);
      return value ? number_verdict(rules, *value) : broken(ValidationRule::kType);
    }
    case Reading::kTextBool:
      return text == "true" || text == "false" ? kKept : broken(ValidationRule::kType);
    case Reading::kTextTime: {
      const std::optional<int64_t> value = parse_rfc3339(text);
      return value ? integer_verdict(rules, *value) : broken(ValidationRule::kType);
    }
    default:
      return text_verdict(rules, text);
  }
}

void Validate::mark(size_t number, int64_t row, uint8_t verdict) {
  const bool only_suspect = verdict >= broken(ValidationRule::kExpectedMin);
  Mark& known = (only_suspect ? suspect_ : bad_)[static_cast<size_t>(row)];
  if (known != 0) return;
  known = static_cast<Mark>(number * kValidationRules + verdict + 1);
  ++(only_suspect ? n_suspect_ : n_bad_);
}

void Validate::check_present(size_t number, const flow_column& column) {
  const Validity validity(column);
  if (!fields_[number].rules.required || !validity.has_nulls()) return;
  for (int64_t row = 0; row < column.array->length; ++row) {
    if (validity.is_null(row)) mark(number, row, broken(ValidationRule::kRequired));
  }
}

void Validate::check_integers(size_t number, const flow_column& column) {
  const FieldRules& rules = fields_[number].rules;
  if (!rules.compares_numbers()) return;
  const Int64View values(column);
  const int64_t low = std::max(rules.range.int_low, rules.expected.int_low);
  const int64_t high = std::min(rules.range.int_high, rules.expected.int_high);
  bool outside = !rules.numbers.empty();
  for (int64_t row = 0; row < values.size(); ++row) {
    outside |= static_cast<int>(values[row] < low) | static_cast<int>(values[row] > high);
  }
  if (!outside) return;
  for (int64_t row = 0; row < values.size(); ++row) {
    if (values.is_null(row)) continue;
    const uint8_t verdict = integer_verdict(rules, values[row]);
    if (verdict != kKept) mark(number, row, verdict);
  }
}

void Validate::check_floats(size_t number, const flow_column& column) {
  const FieldRules& rules = fields_[number].rules;
  const bool whole = fields_[number].reading == Reading::kWhole;
  const Float64View values(column);
  const double low = std::max(rules.range.low, rules.expected.low);
  const double high = std::min(rules.range.high, rules.expected.high);
  int outside = !rules.numbers.empty() || whole ? 1 : 0;
  // NaN is neither at or above the one nor at or below the other.
  for (int64_t row = 0; row < values.size(); ++row) {
    outside |= 1 - (static_cast<int>(values[row] >= low) & static_cast<int>(values[row] <= high));
  }
  if (outside == 0) return;
  for (int64_t row = 0; row < values.size(); ++row) {
    if (values.is_null(row)) continue;
    const double value = values[row];
    uint8_t verdict = number_verdict(rules, value);
    if (whole && std::isfinite(value) && std::trunc(value) != value) {
      verdict = broken(ValidationRule::kType);
    }
    if (verdict != kKept) mark(number, row, verdict);
  }
}

void Validate::check_texts(size_t number, const flow_column& column) {
  Field& field = fields_[number];
  const FieldRules& rules = field.rules;
  const bool of_bytes = column.type == FLOW_BINARY && rules.type == ValidatedType::kText;
  const bool has_rules =
      field.reading != Reading::kText || rules.pattern || rules.one_of || rules.max_length;
  if (!has_rules && !of_bytes) return;
  const auto verdict_of = [&](std::string_view text) {
    if (of_bytes && !is_valid_utf8(text)) return broken(ValidationRule::kType);
    return spelled_verdict(rules, field.reading, text);
  };
  if (column.type != FLOW_CATEGORY) {
    const TextView texts(column);
    for (int64_t row = 0; row < texts.size(); ++row) {
      if (texts.is_null(row)) continue;
      const uint8_t verdict = verdict_of(texts[row]);
      if (verdict != kKept) mark(number, row, verdict);
    }
    return;
  }
  const CategoryView categories(column);
  const TextView& entries = categories.dictionary();
  if (field.dictionary.get() != column.dictionary) {
    field.dictionary = Column(Reference<const flow_column>::share(column.dictionary));
    field.verdicts.assign(static_cast<size_t>(entries.size()), kUnknown);
  }
  for (int64_t row = 0; row < categories.size(); ++row) {
    if (categories.is_null(row)) continue;
    uint8_t& verdict = field.verdicts[static_cast<size_t>(categories.code(row))];
    if (verdict == kUnknown) verdict = verdict_of(entries[categories.code(row)]);
    if (verdict != kKept) mark(number, row, verdict);
  }
}

void Validate::check(size_t number, const Batch& in, Output& out) {
  Field& field = fields_[number];
  const flow_column* column = field.finder.find(in);
  if (column == nullptr) {
    if (!field.rules.required) return;
    for (int64_t row = 0; row < in.rows(); ++row) {
      mark(number, row, broken(ValidationRule::kRequired));
    }
    return;
  }
  if (column->type == FLOW_JSON) {
    said_[number] = text_of_json(out, *column);
    column = said_[number].get();
  }
  check_present(number, *column);
  switch (field.reading) {
    case Reading::kAbsent:
    case Reading::kOpaque:
      break;
    case Reading::kInt:
      check_integers(number, *column);
      break;
    case Reading::kFloat:
    case Reading::kWhole:
      check_floats(number, *column);
      break;
    default:
      check_texts(number, *column);
      break;
  }
}

std::string Validate::message(const Batch& in, int64_t row, Mark mark) const {
  const size_t number = (mark - 1) / kValidationRules;
  const auto rule = static_cast<ValidationRule>((mark - 1) % kValidationRules);
  const FieldRules& rules = fields_[number].rules;
  const flow_column* column = in.find(rules.name);
  std::string text = "field '" + rules.name + "'";
  if (rule == ValidationRule::kRequired) {
    return text + (column == nullptr ? " is not there" : " is null");
  }
  const bool said = column->type == FLOW_JSON;
  text.append(": ").append(shown_value(said ? *said_[number] : *column, row));
  switch (rule) {
    case ValidationRule::kType:
      return text.append(" is no ").append(type_word(rules.type));
    case ValidationRule::kFinite:
      return text.append(" is no finite number");
    case ValidationRule::kMin:
      return text.append(" is below the minimum ")
          .append(shown_bound(rules, rules.range.low, rules.range.int_low));
    case ValidationRule::kMax:
      return text.append(" is above the maximum ")
          .append(shown_bound(rules, rules.range.high, rules.range.int_high));
    case ValidationRule::kPattern:
      return text.append(" does not match '").append(rules.pattern->pattern()).append("'");
    case ValidationRule::kOneOf:
      return text.append(" is none of the values that are allowed");
    default:
      return text.append(" has more than ")
          .append(std::to_string(rules.max_length.value_or(0)))
          .append(" characters");
  }
}

Batch Validate::with_quality(const Batch& in, Output& out) {
  const bool marked = n_suspect_ > 0 || n_bad_ > 0;
  if (!all_good_ || all_good_.rows() != in.rows() || marked) {
    CategoryBuilder words(out, in.rows(), words_);
    CategoryBuilder rules(out, in.rows(), rule_names_);
    for (int64_t row = 0; row < in.rows(); ++row) {
      const auto at = static_cast<size_t>(row);
      const Mark mark = bad_[at] != 0 ? bad_[at] : suspect_[at];
      words.append(bad_[at] != 0 ? kBad : mark != 0 ? kSuspect : kGood);
      if (mark == 0) {
        rules.append_null();
      } else {
        rules.append(static_cast<int32_t>(mark - 1));
      }
    }
    if (marked) {
      return out.with(in, {{options_.quality, {words.finish(), Type::category()}},
                           {rule_column_, {rules.finish(), Type::category()}}});
    }
    all_good_ = words.finish();
    no_rules_ = rules.finish();
  }
  return out.with(in, {{options_.quality, {all_good_, Type::category()}},
                       {rule_column_, {no_rules_, Type::category()}}});
}

void Validate::emit(const Batch& in, Output& out) {
  int64_t suspects = n_suspect_;
  if (n_bad_ > 0 && options_.strict) {
    kept_.clear();
    suspects = 0;
    for (int64_t row = 0; row < in.rows(); ++row) {
      const auto at = static_cast<size_t>(row);
      if (bad_[at] == 0) {
        kept_.push_back(static_cast<int32_t>(row));
        suspects += suspect_[at] != 0 ? 1 : 0;
        continue;
      }
      const auto rule = static_cast<ValidationRule>((bad_[at] - 1) % kValidationRules);
      out.fail(in, row, rule_name(rule), "validate: " + message(in, row, bad_[at]));
    }
    if (!kept_.empty()) {
      out.emit(out.select(with_quality(in, out), kept_.data(), static_cast<int64_t>(kept_.size())));
    }
  } else {
    out.emit(with_quality(in, out));
  }
  if (suspects > 0) suspects_.record(static_cast<double>(suspects));
}

void Validate::process(const Batch& in, Output& out) {
  find_columns(in);
  if (n_bad_ > 0 || bad_.size() < static_cast<size_t>(in.rows())) {
    bad_.assign(std::max(bad_.size(), static_cast<size_t>(in.rows())), 0);
  }
  if (n_suspect_ > 0 || suspect_.size() < bad_.size()) suspect_.assign(bad_.size(), 0);
  n_bad_ = 0;
  n_suspect_ = 0;
  for (size_t number = 0; number < fields_.size(); ++number) check(number, in, out);
  emit(in, out);
}

}  // namespace flow::operators
