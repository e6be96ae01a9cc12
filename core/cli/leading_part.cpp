#include "core/cli/leading_part.hpp"

#include <set>
#include <utility>
#include <vector>

namespace flowrun::cli {

void keep_what_leads_to(const std::string& id, PipelineSpecification& specification) {
  std::set<std::string> needed;
  std::vector<std::string> waiting = {id};
  while (!waiting.empty()) {
    const std::string name = std::move(waiting.back());
    waiting.pop_back();
    const ComponentSpecification* component = specification.find(name);
    if (component == nullptr || !needed.insert(name).second) continue;
    for (const InputSpecification& input : component->inputs) {
      for (const InputReference& reference : input.references) {
        waiting.push_back(reference.component);
      }
    }
  }
  std::erase_if(specification.components, [&](const ComponentSpecification& component) {
    return needed.count(component.id) == 0;
  });
  specification.checkpoint.reset();  // a look must not move a position
  specification.on_error.value = OnError::kDrop;
  for (ComponentSpecification& component : specification.components) component.on_error.reset();
}

}  // namespace flowrun::cli
