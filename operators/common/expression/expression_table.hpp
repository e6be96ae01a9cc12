// A table option whose entries are expressions: `{ kb = "bytes / 1024" }`.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "flow/options.hpp"
#include "operators/common/expression/compiled_expression.hpp"

namespace flow::operators {

// In the order of the file. Throws OptionFailure for an entry that is no text or no expression, and
// for a table without entries. `option`: the option's name.
std::vector<std::pair<std::string, CompiledExpression>> compile_table(const Table& table,
                                                                      const std::string& option);

}  // namespace flow::operators
