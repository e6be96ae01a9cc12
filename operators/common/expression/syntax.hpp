// The text of an expression, taken apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace flow::operators {

// What a mistake in an expression is reported with, an OptionFailure: "where: column 7: ... (in:
// status >= )". Columns count bytes from 1. `place`: the option, of a table with a dot and the name
// of the entry: "where", "fields.kb".
[[noreturn]] void throw_expression_error(std::string_view place, std::string_view text,
                                         size_t offset, const std::string& what);

enum class SyntaxKind : uint8_t {
  kLiteral,
  kField,    // name
  kCall,     // name, children: arguments; operators are calls of their own signs ("+", "and")
  kIn,       // children: the value, then the list's literals
  kMatches,  // children: the text, the pattern
  kIsNull    // one child
};

// One node of the tree. `offset`: where in the text it begins, an operator at its sign.
struct SyntaxNode {
  SyntaxKind kind = SyntaxKind::kLiteral;
  size_t offset = 0;
  std::string name;
  std::variant<std::monostate, bool, int64_t, double, std::string> literal;  // monostate: null
  std::vector<SyntaxNode> children;
};

// Throws Failure with the column of a mistake. `place`: what the text belongs to, eg "where". Nests
// to a depth of 200.
SyntaxNode parse_expression(std::string_view text, std::string_view place);

}  // namespace flow::operators
