// What the nodes of a pipeline have to know of each other to keep event time.
#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "core/graph/engine.hpp"

namespace flowrun {

KeySkew& Pipeline::Engine::skew_of(std::size_t plan_node) {
  const PlanNode& node = plan_.nodes[plan_node];
  KeySkew& skew = shared_[node.steps.front().component].runtime->metrics->key_skew;
  if (node.kind == NodeKind::kKeyed) skew.set_instances(units_of_node_[plan_node].size());
  return skew;
}

// Tells every node what comes by its inputs: of which sources, and whether with watermarks.
void Pipeline::Engine::connect_time() {
  struct Upstream {
    std::set<std::string> sources;
    bool unnamed = false;  // rows that do not say where they come from
    bool watermarks = false;
  };
  const auto merge = [](Upstream& into, const Upstream& from) {
    into.sources.insert(from.sources.begin(), from.sources.end());
    into.unnamed |= from.unnamed;
    into.watermarks |= from.watermarks;
  };
  // What a node sends on. The plan has no cycles.
  std::vector<std::optional<Upstream>> sent(plan_.nodes.size());
  const std::function<const Upstream&(std::size_t)> sent_by =
      [&](std::size_t number) -> const Upstream& {
    if (sent[number]) return *sent[number];
    const PlanNode& node = plan_.nodes[number];
    const ComponentRuntime& component = *shared_[node.steps.front().component].runtime;
    Upstream out;
    if (node.kind == NodeKind::kSource) {
      out.sources.insert(component.id);
    } else {
      for (const std::size_t edge : node.inputs) merge(out, sent_by(plan_.edges[edge].from));
      if (component.bound->descriptor().kind == FLOW_WINDOW) {
        out.sources.clear();
        out.unnamed = true;
      }
      out.watermarks |= units_[units_of_node_[number].front()].watermarks != nullptr;
    }
    sent[number] = std::move(out);
    return *sent[number];
  };
  for (std::size_t i = 0; i < units_.size(); ++i) {
    Upstream all;
    std::size_t input = 0;
    for (const std::size_t edge : plan_.nodes[units_[i].plan_node].inputs) {
      const std::size_t from = plan_.edges[edge].from;
      const Upstream& by = sent_by(from);
      merge(all, by);
      const std::size_t instances = std::max<std::size_t>(1, units_of_node_[from].size());
      for (std::size_t each = 0; each < instances; ++each) {
        units_[i].inbox->expect(input++, {by.sources.begin(), by.sources.end()}, by.watermarks);
      }
    }
    if (units_[i].watermarks != nullptr) {
      units_[i].watermarks->expect({all.sources.begin(), all.sources.end()}, all.unnamed);
    }
  }
}

}  // namespace flowrun
