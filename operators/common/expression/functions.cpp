#include "operators/common/expression/functions.hpp"

namespace flow::operators {

const std::vector<Function>& functions() {
  static const std::vector<Function>* const kAll = [] {
    auto* all = new std::vector<Function>;
    for (const std::span<const Function> part :
         {text_functions(), number_functions(), conversion_functions(), time_functions(),
          other_functions()}) {
      all->insert(all->end(), part.begin(), part.end());
    }
    return all;
  }();
  return *kAll;
}

const Function* find_function(std::string_view name) {
  for (const Function& function : functions()) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

}  // namespace flow::operators
