// Comparisons of the operator `filter`: any text is parsed, or refused with its column.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>
#include <variant>

#include "flow/host.hpp"
#include "operators/common/comparison.hpp"
#include "tests/fuzz/seeds.hpp"

namespace {

using namespace flow::operators;

void require(bool truth) {
  if (!truth) std::abort();
}

std::string quoted(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : text) result.append(c == quote ? 2 : 1, c);
  return result += quote;
}

std::string_view name_of(Comparator comparator) {
  switch (comparator) {
    case Comparator::kEqual:
      return "==";
    case Comparator::kNotEqual:
      return "!=";
    case Comparator::kLess:
      return "<";
    case Comparator::kLessEqual:
      return "<=";
    case Comparator::kGreater:
      return ">";
    default:
      return ">=";
  }
}

// A comparison written from its parts, quotes around its field and text, is the same comparison.
void require_round_trip(const Comparison& parsed) {
  std::string text = quoted(parsed.field, '`') + std::string(name_of(parsed.comparator));
  if (const auto* literal = std::get_if<std::string>(&parsed.literal)) {
    text += quoted(*literal, '\'');
  } else if (const auto* integer = std::get_if<std::int64_t>(&parsed.literal)) {
    text += std::to_string(*integer);
  } else if (const auto* truth = std::get_if<bool>(&parsed.literal)) {
    text += *truth ? "true" : "false";
  } else {
    return;
  }
  const Comparison again = parse_comparison(text);
  require(again.field == parsed.field && again.comparator == parsed.comparator &&
          again.literal == parsed.literal);
}

}  // namespace

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "status >= 400",           "host != 'local''host'", "ok == true",
      "`a field``s name` < -1",  "x.y<=1.5e-3",           "@t == \"a \"\"b\"\"\"",
      "a == 9223372036854775808"};
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Comparison parsed;
  try {
    parsed = parse_comparison(text);
  } catch (const flow::Failure& refused) {
    require(std::string_view(refused.what()).find("where: column ") == 0);
    return 0;
  }
  require(!parsed.field.empty());
  if (const auto* number = std::get_if<double>(&parsed.literal)) require(!std::isnan(*number));
  require_round_trip(parsed);
  return 0;
}
