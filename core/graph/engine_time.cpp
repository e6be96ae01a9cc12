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

// Which sources wait for one another: those whose rows meet, with watermarks, in an operator that
// goes by event time. A sink, or a chain on its own, takes rows of any time.
void Pipeline::Engine::connect_drift(const SourcesOfUnits& sources) {
  const std::int64_t most = bound_.specification.max_drift.value;
  if (sources_.size() < 2 || most == 0) return;
  runtime.drift = std::make_unique<Drift>(most, sources_.size());
  for (std::size_t i = 0; i < sources_.size(); ++i) sources_[i]->set_number(i);
  // What each node sends on: the watermarks that were worked out last, of each source.
  std::vector<std::optional<std::set<std::size_t>>> tracks(plan_.nodes.size());
  const std::function<const std::set<std::size_t>&(std::size_t)> sent_by =
      [&](std::size_t number) -> const std::set<std::size_t>& {
    if (tracks[number]) return *tracks[number];
    const PlanNode& node = plan_.nodes[number];
    std::set<std::size_t> sent;
    for (const std::size_t edge : node.inputs) {
      const std::set<std::size_t>& by = sent_by(plan_.edges[edge].from);
      sent.insert(by.begin(), by.end());
    }
    if (node.kind != NodeKind::kSource) {
      const std::size_t unit = units_of_node_[number].front();
      if (Watermarks* const made = units_[unit].watermarks; made != nullptr) {
        sent.clear();
        for (const std::string& source : sources[unit]) {
          const auto id = std::find(source_ids_.begin(), source_ids_.end(), source);
          const std::size_t track =
              runtime.drift->add_track(static_cast<std::size_t>(id - source_ids_.begin()));
          made->follow(source, [this, track](std::optional<std::int64_t> watermark) {
            runtime.drift->tell(track, watermark.value_or(Drift::kUnknown));
            if (runtime.waiting_for_others.load() > 0) runtime.signal.notify();
          });
          sent.insert(track);
        }
      }
      const flow_kind kind =
          shared_[node.steps.front().component].runtime->bound->descriptor().kind;
      const bool keeps_state = node.kind == NodeKind::kSerial || node.kind == NodeKind::kKeyed;
      if (keeps_state && kind != FLOW_SINK) {
        runtime.drift->add_meeting({sent.begin(), sent.end()});
      }
    }
    tracks[number] = std::move(sent);
    return *tracks[number];
  };
  for (std::size_t i = 0; i < plan_.nodes.size(); ++i) sent_by(i);
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
  SourcesOfUnits sources(units_.size());
  for (std::size_t i = 0; i < units_.size(); ++i) {
    Upstream all;
    std::size_t input = 0;
    // Who keeps what failed has no use for time.
    const PlanNode& node = plan_.nodes[units_[i].plan_node];
    const bool wants_time = !shared_[node.steps.front().component].runtime->is_dead_letter;
    for (const std::size_t edge : node.inputs) {
      const std::size_t from = plan_.edges[edge].from;
      const Upstream& by = sent_by(from);
      merge(all, by);
      const std::size_t instances = std::max<std::size_t>(1, units_of_node_[from].size());
      for (std::size_t each = 0; each < instances; ++each) {
        units_[i].inbox->expect(input++, {by.sources.begin(), by.sources.end()},
                                by.watermarks && wants_time);
      }
    }
    if (units_[i].watermarks != nullptr) {
      units_[i].watermarks->expect({all.sources.begin(), all.sources.end()}, all.unnamed);
    }
    sources[i] = {all.sources.begin(), all.sources.end()};
  }
  connect_drift(sources);
}

}  // namespace flowrun
