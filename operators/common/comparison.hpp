// One comparison of a field with a constant, parsed from text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace flow::operators {

enum class Comparator { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

struct Comparison {
  std::string field;
  Comparator comparator = Comparator::kEqual;
  std::variant<int64_t, double, bool, std::string> literal;
};

// `<field> <operator> <literal>`, eg: status >= 400, host != 'localhost', ok == true. A field name
// may stand in backquotes; a text in single or double quotes doubles the quote that it contains.
// Throws Failure with the column of the mistake.
Comparison parse_comparison(std::string_view text);

template <class T>
bool compare(Comparator comparator, const T& left, const T& right) {
  switch (comparator) {
    case Comparator::kEqual:
      return left == right;
    case Comparator::kNotEqual:
      return left != right;
    case Comparator::kLess:
      return left < right;
    case Comparator::kLessEqual:
      return left <= right;
    case Comparator::kGreater:
      return left > right;
    default:
      return left >= right;
  }
}

}  // namespace flow::operators
