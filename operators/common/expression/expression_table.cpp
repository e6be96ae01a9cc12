#include "operators/common/expression/expression_table.hpp"

namespace flow::operators {

std::vector<std::pair<std::string, CompiledExpression>> compile_table(const Table& table,
                                                                      const std::string& option) {
  if (table.items.empty()) throw OptionFailure(option, "the table is empty");
  std::vector<std::pair<std::string, CompiledExpression>> result;
  for (const ValueItem& item : table.items) {
    if (item.second.type != FLOW_OPTION_TEXT) {
      throw OptionFailure(option, "this is no expression", "write it as a text in quotes", -1,
                          item.first);
    }
    std::string place = option;
    place.append(".").append(item.first);
    result.emplace_back(item.first, CompiledExpression::compile(item.second.text, place));
  }
  return result;
}

}  // namespace flow::operators
