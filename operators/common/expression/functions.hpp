// The functions of the expression language: one table, from which the language, its page
// (docs/expressions.md) and the tests of the page's examples come.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "operators/common/expression/binder.hpp"

namespace flow::operators {

// A call while it is bound: the arguments as steps, and where each begins.
struct BoundCall {
  Binder& binder;
  const SyntaxNode& node;
  std::span<const int> arguments;

  size_t size() const { return arguments.size(); }
  int operator[](size_t i) const { return arguments[i]; }
  size_t offset(size_t i) const { return node.children[i].offset; }
};

struct Function {
  std::string_view name;
  std::string_view group;      // the heading it stands under on the page
  std::string_view signature;  // with the types of arguments and result
  std::string_view doc;        // markdown
  std::string_view example;    // an expression
  std::string_view expected;   // an expression of the same value
  size_t least;                // arguments
  size_t most;
  int (*bind)(const BoundCall& call);
};

// All of them, in the page's order.
const std::vector<Function>& functions();
// NULL: there is none.
const Function* find_function(std::string_view name);

// The parts of the table.
std::span<const Function> text_functions();
std::span<const Function> number_functions();
std::span<const Function> conversion_functions();
std::span<const Function> time_functions();
std::span<const Function> other_functions();

}  // namespace flow::operators
