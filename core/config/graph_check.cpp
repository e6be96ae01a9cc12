#include "core/config/graph_check.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/config/names.hpp"

namespace flowrun {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// The components by index, with the edges that exist.
class Wiring {
 public:
  explicit Wiring(const PipelineSpecification& specification) : specification_(specification) {
    const auto& components = specification.components;
    for (std::size_t i = 0; i < components.size(); ++i) index_.emplace(components[i].id, i);
    upstream_.resize(components.size());
    downstream_.resize(components.size());
    for (std::size_t i = 0; i < components.size(); ++i) {
      for (const InputSpecification& input : components[i].inputs) {
        for (const InputReference& reference : input.references) {
          const std::size_t from = find(reference.component);
          if (from == kNone) continue;
          upstream_[i].push_back(from);
          downstream_[from].push_back(i);
        }
      }
    }
  }

  std::size_t find(const std::string& id) const {
    const auto at = index_.find(id);
    return at == index_.end() ? kNone : at->second;
  }

  std::vector<std::size_t> topological_order() const {
    std::vector<std::size_t> waiting_for(upstream_.size());
    std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
    for (std::size_t i = 0; i < upstream_.size(); ++i) {
      waiting_for[i] = upstream_[i].size();
      if (waiting_for[i] == 0) ready.push(i);
    }
    std::vector<std::size_t> order;
    while (!ready.empty()) {
      const std::size_t next = ready.top();
      ready.pop();
      order.push_back(next);
      for (const std::size_t after : downstream_[next]) {
        if (--waiting_for[after] == 0) ready.push(after);
      }
    }
    return order;
  }

  // What the order leaves out lies on a cycle or behind one, and so each has an input among them:
  // walking upstream along the first of these ends in a cycle. No recursion: chains may be long.
  std::vector<std::vector<std::size_t>> cycles() const {
    std::vector<bool> left(upstream_.size(), true);
    for (const std::size_t i : topological_order()) left[i] = false;
    std::vector<std::size_t> walk_of(upstream_.size(), kNone);
    std::vector<std::vector<std::size_t>> cycles;
    for (std::size_t start = 0; start < left.size(); ++start) {
      if (!left[start]) continue;
      std::vector<std::size_t> path;
      std::size_t at = start;
      while (walk_of[at] == kNone) {
        walk_of[at] = start;
        path.push_back(at);
        at = *std::find_if(upstream_[at].begin(), upstream_[at].end(),
                           [&](std::size_t from) { return left[from]; });
      }
      if (walk_of[at] != start) continue;
      std::vector<std::size_t> cycle(std::find(path.begin(), path.end(), at), path.end());
      std::reverse(cycle.begin(), cycle.end());  // now downstream
      std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
      cycles.push_back(std::move(cycle));
    }
    return cycles;
  }

  void report_inputs(Diagnostics& found) const {
    std::vector<std::string> with_outputs;
    for (const ComponentSpecification& component : specification_.components) {
      if (component.kind != FLOW_SINK) with_outputs.push_back(component.id);
    }
    for (const ComponentSpecification& component : specification_.components) {
      for (const InputSpecification& input : component.inputs) {
        std::string path = component.key_path() + ".inputs";
        if (!input.port.empty()) path = join_key(path, input.port);
        for (const InputReference& reference : input.references) {
          const std::size_t from = find(reference.component);
          if (from == kNone) {
            found.error(reference.place, path,
                        "there is no component " + quote(reference.component),
                        did_you_mean(reference.component, with_outputs));
          } else if (specification_.components[from].kind == FLOW_SINK && reference.port.empty()) {
            found.error(reference.place, path,
                        quote(reference.component) + " is a sink, and emits no rows to read",
                        "its failed rows, if any, are " + reference.component + ".errors");
          }
        }
      }
    }
  }

  // A name that state was kept under is nobody's now, and goes to one component only.
  void report_renames(Diagnostics& found) const {
    std::unordered_map<std::string, std::string> taken;
    for (const ComponentSpecification& component : specification_.components) {
      if (!component.renamed_from) continue;
      const auto& [old, place] = *component.renamed_from;
      const std::string path = component.key_path() + ".renamed_from";
      if (find(old) != kNone) {
        found.error(place, path, "there is still a component " + quote(old),
                    old == component.id ? "it names the id from before" : "");
      }
      const auto [other, added] = taken.try_emplace(old, component.key_path());
      if (!added) {
        found.error(place, path, "the state of " + quote(old) + " goes to " + other->second);
      }
    }
  }

  void report_cycles(Diagnostics& found) const {
    for (const std::vector<std::size_t>& cycle : cycles()) {
      std::string path;
      for (const std::size_t i : cycle) path += specification_.components[i].id + " -> ";
      const ComponentSpecification& first = specification_.components[cycle.front()];
      found.error(first.inputs.front().place, first.key_path() + ".inputs",
                  "the components form a cycle: " + path + first.id, "rows may only flow one way");
    }
  }

 private:
  const PipelineSpecification& specification_;
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<std::vector<std::size_t>> upstream_, downstream_;
};

}  // namespace

void check_graph(const PipelineSpecification& specification, Diagnostics& found) {
  const auto has = [&](flow_kind kind) {
    return std::any_of(specification.components.begin(), specification.components.end(),
                       [&](const ComponentSpecification& c) { return c.kind == kind; });
  };
  if (!has(FLOW_SOURCE)) {
    found.error(specification.place, "", "there is no source: nothing to read",
                "write a table [sources.NAME]");
  }
  if (!has(FLOW_SINK)) {
    found.error(specification.place, "", "there is no sink: nowhere to write",
                "write a table [sinks.NAME]");
  }
  const Wiring wiring(specification);
  wiring.report_inputs(found);
  wiring.report_renames(found);
  wiring.report_cycles(found);
}

std::vector<std::size_t> topological_order(const PipelineSpecification& specification) {
  return Wiring(specification).topological_order();
}

}  // namespace flowrun
