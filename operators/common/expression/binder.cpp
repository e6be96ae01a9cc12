#include "operators/common/expression/binder.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "operators/common/expression/conversions.hpp"
#include "operators/common/expression/functions.hpp"
#include "operators/common/expression/kernels.hpp"
#include "operators/common/expression/operators.hpp"
#include "operators/common/input_column.hpp"
#include "operators/common/nearest_name.hpp"

namespace flow::operators {
namespace {

bool is_number(Kind kind) { return kind == Kind::kInt || kind == Kind::kFloat; }
bool is_texty(Kind kind) {
  return kind == Kind::kText || kind == Kind::kJson || kind == Kind::kBinary;
}

struct Pattern final : StepData {
  explicit Pattern(const std::string& pattern) : expression(pattern, options()) {}
  static RE2::Options options() {
    RE2::Options result;
    result.set_log_errors(false);
    return result;
  }
  RE2 expression;
};

void match_pattern(const StepCall& call) {
  const RE2& expression = call.data<Pattern>().expression;
  map_one<uint8_t, std::string_view>(call, [&expression](std::string_view text) {
    return expression.Match({text.data(), text.size()}, 0, text.size(), RE2::UNANCHORED, nullptr,
                            0);
  });
}

struct TextSet final : StepData {
  std::vector<std::string> texts;
  std::unordered_set<std::string_view> known;  // of `texts`
};
struct IntSet final : StepData {
  std::vector<int64_t> sorted;
};
// Up to so many, looking at all of them is faster than a table.
constexpr size_t kFewTexts = 4;

void in_texts(const StepCall& call) {
  const auto& set = call.data<TextSet>();
  if (set.texts.size() <= kFewTexts) {
    map_one<uint8_t, std::string_view>(call, [&set](std::string_view text) {
      bool found = false;
      for (const std::string& item : set.texts) found = found || text == item;
      return found;
    });
    return;
  }
  map_one<uint8_t, std::string_view>(
      call, [&set](std::string_view text) { return set.known.contains(text); });
}

void in_ints(const StepCall& call) {
  const std::vector<int64_t>& sorted = call.data<IntSet>().sorted;
  map_one<uint8_t, int64_t>(call, [&sorted](int64_t value) {
    return std::binary_search(sorted.begin(), sorted.end(), value);
  });
}

}  // namespace

void Binder::fail(size_t offset, const std::string& what) const {
  throw_expression_error(place_, text_, offset, what);
}

void Binder::refuse(size_t offset, std::string_view wanted, int step,
                    std::string_view remedy) const {
  std::string what(wanted);
  what += " is needed here, but this is ";
  what += kind_name(kind(step));
  if (!remedy.empty()) {
    what += ": ";
    what += remedy;
  }
  fail(offset, what);
}

bool Binder::is_null(int step) const {
  return program_.is_constant(step) && program_.step(step).result.is_null(0);
}

int Binder::strict(std::string_view key, Kind kind, Kernel kernel, std::vector<int> inputs,
                   std::shared_ptr<const StepData> data, int64_t number) {
  for (const int input : inputs) {
    if (is_null(input)) return program_.null(kind);
  }
  return program_.add(key, kind, kernel, std::move(inputs), std::move(data), number);
}

int Binder::as_bool(int step, size_t offset) {
  switch (kind(step)) {
    case Kind::kBool:
      return step;
    case Kind::kNull:
      return program_.null(Kind::kBool);
    case Kind::kJson:
      return strict("text to bool", Kind::kBool, text_to_bool,
                    {strict("json to scalar", Kind::kText, json_to_scalar, {step})});
    default:
      refuse(offset, "true or false", step, "write a comparison, eg: status >= 400");
  }
}

int Binder::as_number(int step, size_t offset) {
  switch (kind(step)) {
    case Kind::kInt:
    case Kind::kFloat:
      return step;
    case Kind::kNull:
      return program_.null(Kind::kInt);
    case Kind::kText:
      if (program_.is_constant(step) && !is_null(step)) {
        refuse(offset, "a number", step, "write it without quotes");
      }
      return strict("text to float", Kind::kFloat, text_to_float, {step});
    case Kind::kJson:
      return strict("text to float", Kind::kFloat, text_to_float,
                    {strict("json to scalar", Kind::kText, json_to_scalar, {step})});
    default:
      refuse(offset, "a number", step, "");
  }
}

int Binder::as_float(int step, size_t offset) {
  const int number = as_number(step, offset);
  if (kind(number) == Kind::kFloat) return number;
  return strict("int to float", Kind::kFloat, int_to_float, {number});
}

int Binder::as_int(int step, size_t offset) {
  switch (kind(step)) {
    case Kind::kInt:
      return step;
    case Kind::kNull:
      return program_.null(Kind::kInt);
    default:
      refuse(offset, "an int", step, "convert it with to_int(...)");
  }
}

int Binder::as_text(int step, size_t offset) {
  switch (kind(step)) {
    case Kind::kText:
      return step;
    case Kind::kNull:
      return program_.null(Kind::kText);
    case Kind::kJson:
      return strict("json to string", Kind::kText, json_to_string, {step});
    default:
      refuse(offset, "a text", step,
             kind(step) == Kind::kNested || kind(step) == Kind::kBinary
                 ? ""
                 : "convert it with to_text(...)");
  }
}

int Binder::as_bytes(int step, size_t offset) {
  return kind(step) == Kind::kBinary ? step : as_text(step, offset);
}

int Binder::as_timestamp(int step, size_t offset) {
  switch (kind(step)) {
    case Kind::kTimestamp:
      return step;
    case Kind::kNull:
      return program_.null(Kind::kTimestamp);
    case Kind::kText:
    case Kind::kJson: {
      const int time =
          strict("text to time", Kind::kTimestamp, text_to_time, {as_text(step, offset)});
      if (program_.is_constant(step) && !is_null(step) && is_null(time)) {
        fail(offset, "this is no time: write one like '2025-10-28T10:15:30Z'");
      }
      return time;
    }
    default:
      refuse(offset, "a timestamp", step, "write a text like '2025-10-28T10:15:30Z'");
  }
}

void Binder::unify(int& left, int& right, size_t offset) {
  const Kind a = kind(left);
  const Kind b = kind(right);
  if (a == Kind::kNested || b == Kind::kNested) {
    fail(offset, "a struct or list cannot be chosen: name one of its fields");
  }
  if (a == b) return;
  if (a == Kind::kNull) {
    left = program_.null(b);
  } else if (b == Kind::kNull) {
    right = program_.null(a);
  } else if (is_number(a) && is_number(b)) {
    left = as_float(left, offset);
    right = as_float(right, offset);
  } else {
    fail(offset, "both must be of one type, but they are " + std::string(kind_name(a)) + " and " +
                     std::string(kind_name(b)) +
                     ": convert one with to_text(...), to_int(...), to_float(...) or to_bool(...)");
  }
}

std::string Binder::constant_text(int step, size_t offset, const std::string& what) const {
  if (!program_.is_constant(step) || kind(step) != Kind::kText || is_null(step)) {
    fail(offset, what + " is needed here as a text in quotes");
  }
  return std::string(*program_.step(step).result.as<std::string_view>());
}

int64_t Binder::constant_int(int step, size_t offset, const std::string& what) const {
  if (!program_.is_constant(step) || kind(step) != Kind::kInt || is_null(step)) {
    fail(offset, what + " is needed here as a whole number");
  }
  return *program_.step(step).result.as<int64_t>();
}

int Binder::bind(const SyntaxNode& node) {
  switch (node.kind) {
    case SyntaxKind::kLiteral:
      if (const auto* boolean = std::get_if<bool>(&node.literal))
        return program_.constant(*boolean);
      if (const auto* whole = std::get_if<int64_t>(&node.literal)) return program_.constant(*whole);
      if (const auto* real = std::get_if<double>(&node.literal)) return program_.constant(*real);
      if (const auto* text = std::get_if<std::string>(&node.literal)) {
        return program_.constant(std::string_view(*text));
      }
      return program_.null();
    case SyntaxKind::kField:
      return field(node, false);
    case SyntaxKind::kIn:
      return in(node);
    case SyntaxKind::kMatches:
      return matches(node);
    case SyntaxKind::kIsNull: {
      const SyntaxNode& asked = node.children[0];
      const int value = asked.kind == SyntaxKind::kField ? field(asked, true) : bind(asked);
      return program_.add("is null", Kind::kBool, is_null_kernel, {value});
    }
    default:
      return call(node);
  }
}

int Binder::field(const SyntaxNode& node, bool is_asked_for) {
  const ColumnPath path = find_column(schema_, node.name);
  if (!path.steps.empty()) return program_.load(path);
  const auto known = std::find_if(missing_.begin(), missing_.end(),
                                  [&](const MissingField& one) { return one.name == node.name; });
  if (known == missing_.end()) {
    missing_.push_back({node.name, node.offset, is_asked_for});
  } else {
    known->is_asked_for &= is_asked_for;
  }
  return program_.null();
}

int Binder::call(const SyntaxNode& node) {
  const std::string_view name = node.name;
  if (name == "and" || name == "or" || name == "not") return logic(node);
  if (name == "negate") return negate(node);
  if (name == "+" || name == "-" || name == "*" || name == "/" || name == "%") {
    return arithmetic(node);
  }
  const char first = name.front();
  if (first == '=' || first == '!' || first == '<' || first == '>') {
    const int left = bind(node.children[0]);
    const int right = bind(node.children[1]);
    return compare(name, left, right, node.children[0].offset, node.children[1].offset);
  }
  const Function* const function = find_function(name);
  if (function == nullptr) {
    std::vector<std::string> names;
    for (const Function& known : functions()) names.emplace_back(known.name);
    const std::string nearest = nearest_name(names, name);
    fail(node.offset, "there is no function '" + node.name + "'" +
                          (nearest.empty() ? "" : " (did you mean '" + nearest + "'?)"));
  }
  const size_t given = node.children.size();
  if (given < function->least || given > function->most) {
    fail(node.offset, "the function is " + std::string(function->signature) + ", not one of " +
                          std::to_string(given) + " arguments");
  }
  std::vector<int> arguments;
  for (const SyntaxNode& child : node.children) arguments.push_back(bind(child));
  return function->bind({*this, node, arguments});
}

int Binder::logic(const SyntaxNode& node) {
  const int left = as_bool(bind(node.children[0]), node.children[0].offset);
  if (node.name == "not") return strict("not", Kind::kBool, not_kernel, {left});
  const int right = as_bool(bind(node.children[1]), node.children[1].offset);
  // What settles it, and what leaves the other side.
  const bool settling = node.name == "or";
  for (const auto& [one, other] : {std::pair(left, right), std::pair(right, left)}) {
    if (!program_.is_constant(one) || is_null(one)) continue;
    const bool value = *program_.step(one).result.as<uint8_t>() != 0;
    return value == settling ? one : other;
  }
  return program_.add(node.name, Kind::kBool, settling ? or_kernel : and_kernel, {left, right});
}

int Binder::negate(const SyntaxNode& node) {
  const int value = as_number(bind(node.children[0]), node.children[0].offset);
  return kind(value) == Kind::kInt ? strict("negate", Kind::kInt, negate_int, {value})
                                   : strict("negate", Kind::kFloat, negate_float, {value});
}

int Binder::time_arithmetic(const SyntaxNode& node, int left, int right) {
  const size_t left_at = node.children[0].offset;
  const size_t right_at = node.children[1].offset;
  const bool left_is_time = kind(left) == Kind::kTimestamp;
  const bool right_is_time = kind(right) == Kind::kTimestamp;
  if (node.name == "-" && left_is_time && right_is_time) {
    return strict("seconds between", Kind::kFloat, seconds_between, {left, right});
  }
  if (node.name == "+" && left_is_time != right_is_time) {
    const int time = left_is_time ? left : right;
    const int seconds = left_is_time ? as_float(right, right_at) : as_float(left, left_at);
    return strict("add seconds", Kind::kTimestamp, add_seconds, {time, seconds});
  }
  if (node.name == "-" && left_is_time) {
    return strict("subtract seconds", Kind::kTimestamp, subtract_seconds,
                  {left, as_float(right, right_at)});
  }
  fail(node.offset,
       "of timestamps there are: time - time (seconds), time + seconds, time - seconds");
}

int Binder::arithmetic(const SyntaxNode& node) {
  int left = bind(node.children[0]);
  int right = bind(node.children[1]);
  if (kind(left) == Kind::kTimestamp || kind(right) == Kind::kTimestamp) {
    return time_arithmetic(node, left, right);
  }
  if (node.name == "+" && kind(left) == Kind::kText && kind(right) == Kind::kText) {
    fail(node.offset, "texts are joined with concat(...)");
  }
  left = as_number(left, node.children[0].offset);
  right = as_number(right, node.children[1].offset);
  if (node.name != "/" && kind(left) == Kind::kInt && kind(right) == Kind::kInt) {
    return strict(node.name, Kind::kInt, int_kernel(node.name), {left, right});
  }
  left = as_float(left, node.children[0].offset);
  right = as_float(right, node.children[1].offset);
  return strict(node.name, Kind::kFloat, float_kernel(node.name), {left, right});
}

int Binder::compare_with_time(std::string_view sign, int time, int other, size_t other_offset,
                              bool turned) {
  if (!is_texty(kind(other)) && kind(other) != Kind::kTimestamp) {
    fail(other_offset,
         "this cannot be compared with a timestamp: write a text like "
         "'2025-10-28T10:15:30Z'");
  }
  std::vector<int> sides = {time, as_timestamp(other, other_offset)};
  if (turned) std::swap(sides[0], sides[1]);
  return strict(sign, Kind::kBool, comparison_kernel(sign, Comparison::kInts), std::move(sides));
}

int Binder::compare(std::string_view sign, int left, int right, size_t left_offset,
                    size_t right_offset) {
  const Kind a = kind(left);
  const Kind b = kind(right);
  const auto add = [&](std::string_view of_sign, Comparison of, int first, int second) {
    return strict(of_sign, Kind::kBool, comparison_kernel(of_sign, of), {first, second});
  };
  const auto is_literal_text = [&](int step) {
    return kind(step) == Kind::kText && program_.is_constant(step);
  };
  if (a == Kind::kNull || b == Kind::kNull) return program_.null(Kind::kBool);
  if (a == Kind::kTimestamp) return compare_with_time(sign, left, right, right_offset, false);
  if (b == Kind::kTimestamp) return compare_with_time(sign, right, left, left_offset, true);
  if (a == Kind::kInt && b == Kind::kInt) return add(sign, Comparison::kInts, left, right);
  if (is_number(a) && is_number(b)) {
    return add(sign, Comparison::kFloats, as_float(left, left_offset),
               as_float(right, right_offset));
  }
  if (is_number(a) && is_texty(b) && !is_literal_text(right)) {
    return compare(turned_sign(sign), right, left, right_offset, left_offset);
  }
  if (is_texty(a) && is_number(b) && !is_literal_text(left)) {
    const int text =
        a == Kind::kJson ? strict("json to scalar", Kind::kText, json_to_scalar, {left}) : left;
    return add(sign, b == Kind::kInt ? Comparison::kTextWithInt : Comparison::kTextWithFloat, text,
               right);
  }
  if (a == Kind::kBool || b == Kind::kBool) {
    if (sign != "==" && sign != "!=") {
      fail(right_offset, "true and false have no order: compare with == or !=");
    }
    const auto convert = [&](int step, size_t) {
      return kind(step) == Kind::kText && !is_literal_text(step)
                 ? strict("text to bool", Kind::kBool, text_to_bool, {step})
             : kind(step) == Kind::kJson ? as_bool(step, 0)
                                         : step;
    };
    const int one = convert(left, left_offset);
    const int other = convert(right, right_offset);
    if (kind(one) == Kind::kBool && kind(other) == Kind::kBool) {
      return add(sign, Comparison::kBools, one, other);
    }
  } else if (is_texty(a) && is_texty(b)) {
    const bool scalars = a == Kind::kJson && b == Kind::kJson;
    const auto convert = [&](int step) {
      if (kind(step) != Kind::kJson) return step;
      return scalars ? strict("json to scalar", Kind::kText, json_to_scalar, {step})
                     : strict("json to string", Kind::kText, json_to_string, {step});
    };
    return add(sign, Comparison::kTexts, convert(left), convert(right));
  }
  std::string what =
      std::string(kind_name(a)) + " and " + std::string(kind_name(b)) + " cannot be compared";
  if (is_literal_text(left) || is_literal_text(right)) {
    what += ": write the number, or true and false, without quotes";
  }
  fail(right_offset, what);
}

int Binder::any_of(int value, const SyntaxNode& node, std::span<const int> items) {
  const size_t at = node.children[0].offset;
  int result = program_.constant(false);
  for (size_t i = 0; i < items.size(); ++i) {
    const int equal = compare("==", value, items[i], at, node.children[i + 1].offset);
    result = is_null(result) || !program_.is_constant(result)
                 ? program_.add("or", Kind::kBool, or_kernel, {result, equal})
                 : equal;
  }
  return result;
}

int Binder::in(const SyntaxNode& node) {
  const int value = bind(node.children[0]);
  std::vector<int> items;
  bool all_texts = true;
  bool all_ints = true;
  for (size_t i = 1; i < node.children.size(); ++i) {
    const SyntaxNode& item = node.children[i];
    items.push_back(bind(item));
    if (!program_.is_constant(items.back())) {
      fail(item.offset, "a list holds literals alone: numbers, texts in quotes, true and false");
    }
    all_texts = all_texts && kind(items.back()) == Kind::kText && !is_null(items.back());
    all_ints = all_ints && kind(items.back()) == Kind::kInt && !is_null(items.back());
  }
  std::string key = "in";
  if (all_texts && is_texty(kind(value))) {
    auto set = std::make_shared<TextSet>();
    for (const int item : items) {
      set->texts.emplace_back(*program_.step(item).result.as<std::string_view>());
      key += '\x1f';
      key += std::to_string(item);
    }
    set->known.insert(set->texts.begin(), set->texts.end());
    return strict(key, Kind::kBool, in_texts, {as_bytes(value, node.children[0].offset)},
                  std::move(set));
  }
  if (all_ints && kind(value) == Kind::kInt) {
    auto set = std::make_shared<IntSet>();
    for (const int item : items) {
      set->sorted.push_back(*program_.step(item).result.as<int64_t>());
      key += '\x1f';
      key += std::to_string(item);
    }
    std::sort(set->sorted.begin(), set->sorted.end());
    return strict(key, Kind::kBool, in_ints, {value}, std::move(set));
  }
  return any_of(value, node, items);
}

int Binder::matches(const SyntaxNode& node) {
  const int text = as_bytes(bind(node.children[0]), node.children[0].offset);
  const size_t at = node.children[1].offset;
  const std::string written =
      constant_text(bind(node.children[1]), at, "a regular expression (RE2)");
  auto pattern = std::make_shared<Pattern>(written);
  if (!pattern->expression.ok()) {
    fail(at, "the regular expression does not compile: " + pattern->expression.error());
  }
  return strict("matches " + written, Kind::kBool, match_pattern, {text}, std::move(pattern));
}

}  // namespace flow::operators
