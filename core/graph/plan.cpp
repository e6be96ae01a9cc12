#include "core/graph/plan.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace flowrun {
namespace {

constexpr std::string_view kErrors = "errors";

bool declares_errors(const flow_descriptor& descriptor) {
  for (std::uint32_t i = 0; i < descriptor.n_outputs; ++i) {
    if (descriptor.outputs[i]->name == kErrors) return true;
  }
  return false;
}

bool has_trait(const BoundComponent& component, std::uint64_t trait) {
  return (component.descriptor().traits & trait) != 0;
}

NodeKind kind_of(const BoundComponent& component) {
  if (component.descriptor().kind == FLOW_SOURCE) return NodeKind::kSource;
  const bool commits =
      component.descriptor().kind == FLOW_SINK && has_trait(component, FLOW_TWO_PHASE);
  if (commits || has_trait(component, FLOW_BLOCKING)) return NodeKind::kThread;
  if (is_keyed(component.descriptor())) return NodeKind::kKeyed;
  return has_trait(component, FLOW_STATELESS) ? NodeKind::kChain : NodeKind::kSerial;
}

// A step's output, as its readers find it.
struct Producer {
  std::size_t node = 0;
  std::size_t step = 0;
  std::uint32_t output = 0;
  bool errors = false;
};

class Planner {
 public:
  explicit Planner(const BoundPipeline& pipeline)
      : pipeline_(pipeline), steps_(pipeline.components.size()) {}

  Plan run() {
    for (const std::size_t component : pipeline_.order) {
      place(component);
    }
    name_decoder_edges();
    return std::move(plan_);
  }

 private:
  struct Wire {
    Producer from;
    std::uint32_t port = 0;
  };

  void place(std::size_t index) {
    const BoundComponent& component = pipeline_.components[index];
    const NodeKind kind = kind_of(component);
    if (kind == NodeKind::kSource) {
      place_source(index);
      return;
    }
    const std::vector<Wire> wires = wires_into(component);
    if (component.codec && component.descriptor().kind == FLOW_SINK) {
      place_encoded_sink(index, kind, wires);
      return;
    }
    if (kind == NodeKind::kChain) {
      place_stateless(index, FLOW_ROLE_NONE, wires);
      return;
    }
    const std::size_t node = add_node(kind);
    const std::size_t step = add_step(node, index, FLOW_ROLE_NONE);
    for (const Wire& wire : wires) connect(wire, node, step);
  }

  void place_source(std::size_t index) {
    const BoundComponent& component = pipeline_.components[index];
    const std::size_t node = add_node(NodeKind::kSource);
    add_step(node, index, FLOW_ROLE_NONE);
    if (component.codec) {
      const Wire wire{{node, 0, 0, false}, 0};
      place_stateless(index, FLOW_ROLE_DECODE, {wire});
    }
  }

  void place_encoded_sink(std::size_t index, NodeKind kind, const std::vector<Wire>& wires) {
    const BoundComponent& component = pipeline_.components[index];
    const flow_role role =
        has_trait(component, FLOW_MESSAGES) ? FLOW_ROLE_ENCODE_MESSAGE : FLOW_ROLE_ENCODE;
    // One encoder for each node that feeds the sink, so that it can be fused with it.
    std::map<std::size_t, std::vector<Wire>> by_node;
    for (const Wire& wire : wires) by_node[wire.from.node].push_back(wire);
    std::vector<Producer> encoders;
    for (const auto& [from, group] : by_node) {
      place_stateless(index, role, group);
      const auto& [node, step] = steps_[index].back();
      encoders.push_back({node, step, 0, false});
    }
    const std::size_t node = add_node(kind == NodeKind::kChain ? NodeKind::kThread : kind);
    const std::size_t step = add_step(node, index, FLOW_ROLE_NONE);
    for (const Producer& encoder : encoders) connect({encoder, 0}, node, step);
  }

  void place_stateless(std::size_t index, flow_role role, const std::vector<Wire>& wires) {
    bool fused = true;
    for (const Wire& wire : wires) {
      fused &= wire.from.node == wires.front().from.node &&
               plan_.nodes[wire.from.node].kind == NodeKind::kChain;
    }
    const std::size_t node = fused ? wires.front().from.node : add_node(NodeKind::kChain);
    const std::size_t step = add_step(node, index, role);
    for (const Wire& wire : wires) connect(wire, node, step);
  }

  std::vector<Wire> wires_into(const BoundComponent& component) const {
    std::vector<Wire> wires;
    for (const BoundInput& input : component.inputs) {
      if (input.from_port_name == kErrors) {
        for (const auto& [node, step] : steps_[input.from]) {
          if (plan_.nodes[node].steps[step].can_fail) {
            wires.push_back({{node, step, 0, true}, input.port});
          }
        }
      } else {
        const auto& [node, step] = steps_[input.from].back();
        wires.push_back({{node, step, input.from_port, false}, input.port});
      }
    }
    return wires;
  }

  std::size_t add_node(NodeKind kind) {
    plan_.nodes.emplace_back().kind = kind;
    return plan_.nodes.size() - 1;
  }

  std::size_t add_step(std::size_t node, std::size_t index, flow_role role) {
    const BoundComponent& component = pipeline_.components[index];
    const flow_descriptor& descriptor =
        role == FLOW_ROLE_NONE ? component.descriptor() : *component.codec->codec.descriptor;
    PlanStep step;
    step.component = index;
    step.role = role;
    step.outputs.resize(std::max<std::uint32_t>(1, descriptor.n_outputs));
    step.can_fail = declares_errors(descriptor);
    if (plan_.nodes[node].kind == NodeKind::kKeyed) {
      const auto& own = pipeline_.specification.components[index].parallelism;
      if (own) plan_.nodes[node].instances = static_cast<int>(own->value);
    }
    plan_.nodes[node].steps.push_back(std::move(step));
    steps_[index].emplace_back(node, plan_.nodes[node].steps.size() - 1);
    return plan_.nodes[node].steps.size() - 1;
  }

  void connect(const Wire& wire, std::size_t node, std::size_t step) {
    PlanStep& from = plan_.nodes[wire.from.node].steps[wire.from.step];
    auto& targets = wire.from.errors ? from.errors : from.outputs[wire.from.output];
    if (wire.from.node == node) {
      targets.push_back({false, step, wire.port});
      return;
    }
    targets.push_back({true, edge(wire, node, step), 0});
  }

  // One edge for everything that a node sends to one input of another.
  std::size_t edge(const Wire& wire, std::size_t to, std::size_t step) {
    for (std::size_t i = 0; i < plan_.edges.size(); ++i) {
      const PlanEdge& known = plan_.edges[i];
      if (known.from == wire.from.node && known.to == to && known.to_step == step &&
          known.to_port == wire.port) {
        return i;
      }
    }
    PlanEdge edge;
    edge.from = wire.from.node;
    edge.to = to;
    edge.to_step = step;
    edge.to_port = wire.port;
    const PlanStep& reader = plan_.nodes[to].steps[step];
    if (plan_.nodes[to].kind == NodeKind::kKeyed) {
      edge.key_fields = key_fields(pipeline_.components[reader.component], wire.port);
    }
    edge.name = unique_name(edge_name(wire, reader.component));
    plan_.nodes[to].inputs.push_back(plan_.edges.size());
    plan_.edges.push_back(std::move(edge));
    return plan_.edges.size() - 1;
  }

  static std::vector<std::string> key_fields(const BoundComponent& component, std::uint32_t port) {
    const flow_port& input = *component.descriptor().inputs[port];
    std::vector<std::string> fields;
    const flow_value* value =
        input.key_option != nullptr ? component.options.find(input.key_option) : nullptr;
    if (value == nullptr) return fields;
    if (value->type == FLOW_OPTION_TEXT) fields.emplace_back(value->text);
    for (std::uint64_t i = 0; i < value->n_items; ++i) fields.emplace_back(value->items[i]->text);
    return fields;
  }

  std::string edge_name(const Wire& wire, std::size_t reader) const {
    const PlanStep& from = plan_.nodes[wire.from.node].steps[wire.from.step];
    // A decoder or encoder edge is named after what stands on its other side.
    std::string left = pipeline_.specification.components[from.component].id;
    const std::string& right = pipeline_.specification.components[reader].id;
    if (from.component == reader && from.role != FLOW_ROLE_NONE) {
      left = feeder(wire.from.node, wire.from.step);
    }
    if (wire.from.errors) left += ".errors";
    return left + " -> " + right;
  }

  // The component whose rows an encoder gets.
  std::string feeder(std::size_t node, std::size_t encoder) const {
    const PlanNode& chain = plan_.nodes[node];
    for (std::size_t i = chain.steps.size(); i-- > 0;) {
      const PlanStep& step = chain.steps[i];
      const std::string& id = pipeline_.specification.components[step.component].id;
      const auto feeds = [&](const std::vector<PlanTarget>& targets) {
        return std::any_of(targets.begin(), targets.end(), [&](const PlanTarget& target) {
          return !target.to_edge && target.index == encoder;
        });
      };
      if (feeds(step.errors)) return id + ".errors";
      for (const auto& targets : step.outputs) {
        if (feeds(targets)) return id;
      }
    }
    for (const std::size_t input : chain.inputs) {
      const std::string& name = plan_.edges[input].name;
      return name.substr(0, name.find(" -> "));
    }
    return pipeline_.specification.components[chain.steps[encoder].component].id;
  }

  // "access_log -> parsed" rather than "access_log -> access_log": by what follows the decoder.
  void name_decoder_edges() {
    for (PlanEdge& edge : plan_.edges) {
      const PlanNode& to = plan_.nodes[edge.to];
      if (to.steps[edge.to_step].role != FLOW_ROLE_DECODE) continue;
      const auto next = std::find_if(to.steps.begin(), to.steps.end(), [](const PlanStep& step) {
        return step.role != FLOW_ROLE_DECODE;
      });
      if (next == to.steps.end()) continue;
      const std::string left = edge.name.substr(0, edge.name.find(" -> "));
      edge.name.clear();
      edge.name =
          unique_name(left + " -> " + pipeline_.specification.components[next->component].id);
    }
  }

  std::string unique_name(const std::string& wanted) const {
    const auto taken = [&](const std::string& name) {
      return std::any_of(plan_.edges.begin(), plan_.edges.end(),
                         [&](const PlanEdge& edge) { return edge.name == name; });
    };
    std::string name = wanted;
    for (int i = 2; taken(name); ++i) name = wanted + " (" + std::to_string(i) + ")";
    return name;
  }

  const BoundPipeline& pipeline_;
  Plan plan_;
  // By component: node and step of its operator and codecs; the one that readers read is last.
  std::vector<std::vector<std::pair<std::size_t, std::size_t>>> steps_;
};

}  // namespace

Plan make_plan(const BoundPipeline& pipeline) { return Planner(pipeline).run(); }

void add_dead_letter_sink(BoundPipeline& pipeline, const Registry& registry, Diagnostics& found) {
  std::vector<BoundInput> inputs;
  for (std::size_t i = 0; i < pipeline.components.size(); ++i) {
    const BoundComponent& component = pipeline.components[i];
    const bool fails = declares_errors(component.descriptor()) ||
                       (component.codec && declares_errors(*component.codec->codec.descriptor));
    const bool read = std::any_of(
        pipeline.components.begin(), pipeline.components.end(), [&](const BoundComponent& reader) {
          return std::any_of(reader.inputs.begin(), reader.inputs.end(),
                             [&](const BoundInput& input) {
                               return input.from == i && input.from_port_name == kErrors;
                             });
        });
    if (fails && !read && component.on_error == OnError::kDeadLetter) {
      BoundInput input;
      input.from = i;
      input.from_port = kCodecErrorsPort;
      input.from_port_name = kErrors;
      inputs.push_back(std::move(input));
    }
  }
  if (inputs.empty()) return;

  const Placed<std::string>& path = pipeline.specification.dead_letter;
  const auto report = [&](const std::string& message, const std::string& remedy) {
    found.error(path.place, "pipeline.dead_letter", message, remedy);
  };
  if (pipeline.specification.find(kDeadLetterId) != nullptr) {
    report("the id 'dead_letter' is the engine's own, for rows that fail", "rename the component");
    return;
  }
  const OfferedOperator* file = registry.find(FLOW_SINK, "file");
  const OfferedOperator* json = registry.find(FLOW_CODEC, "json");
  if (file == nullptr || json == nullptr) {
    report(std::string("failed rows are written by the ") +
               (file == nullptr ? "sink 'file'" : "codec 'json'") +
               ", which no loaded plugin offers",
           "add the plugins 'files' and 'std' to pipeline.plugins, or set on_error to 'drop' or "
           "'stop'");
    return;
  }

  ComponentSpecification specification;
  specification.kind = FLOW_SINK;
  specification.id = kDeadLetterId;
  specification.place = path.place;
  specification.type.value = "file";
  const auto text = [&](const char* name, const std::string& value) {
    Member member;
    member.name = name;
    member.place = path.place;
    member.value.place = path.place;
    member.value.data = value;
    return member;
  };
  specification.options = {text("path", path.value), text("mode", "append")};

  BoundComponent sink;
  sink.offered = *file;
  OptionContext context;
  context.place = path.place;
  context.key_path = "pipeline.dead_letter";
  context.owner = "the dead-letter file";
  sink.options = bind_options(options_of(*file->descriptor), specification.options, context, found);
  sink.codec.emplace();
  sink.codec->codec = *json;
  sink.codec->options = bind_options(options_of(*json->descriptor), {}, context, found);
  sink.inputs = std::move(inputs);
  sink.on_error = OnError::kStop;
  pipeline.specification.components.push_back(std::move(specification));
  pipeline.components.push_back(std::move(sink));
  pipeline.order.push_back(pipeline.components.size() - 1);
}

}  // namespace flowrun
