#include "core/graph/trial.hpp"

#include <chrono>
#include <stdexcept>

namespace flowrun {
namespace {

// An instance that is only opened has nothing to say.
class NoOutlet final : public Outlet {
 public:
  std::int64_t room(std::size_t, std::uint32_t) override { return 0; }
  void emit(std::size_t, std::uint32_t, flow::Batch) override {}
};

std::int64_t system_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

struct Trial::Parts {
  ComponentRuntime runtime;
  Made made;
  std::optional<Made> codec;
};

Trial::Trial(const BoundPipeline& pipeline)
    : pipeline_(pipeline),
      metrics_(pipeline.specification.name.value, {}),
      health_(pipeline.specification.name.value),
      runtime_(metrics_, health_, ledger_) {
  runtime_.memory_limit = pipeline.specification.memory_limit.value;
  runtime_.in_flight = pipeline.specification.in_flight.value;
  runtime_.state_memory.set_limit(pipeline.specification.state_limit.value);
  runtime_.batch_rows = pipeline.specification.batch_rows.value;
  runtime_.now = system_now;
  runtime_.is_trial = true;
  const auto& checkpoint = pipeline.specification.checkpoint;
  runtime_.checkpointing = checkpoint && checkpoint->interval.value > 0;
  for (std::size_t i = 0; i < pipeline.components.size(); ++i) {
    const BoundComponent& bound = pipeline.components[i];
    const ComponentSpecification& specification = pipeline.specification.components[i];
    ComponentInfo info;
    info.id = specification.id;
    info.type = specification.type.value;
    info.kind = static_cast<ComponentKind>(bound.descriptor().kind);
    for (std::uint32_t port = 0; port < bound.descriptor().n_outputs; ++port) {
      info.ports.emplace_back(bound.descriptor().outputs[port]->name);
    }
    Parts& parts = *parts_.emplace_back(std::make_unique<Parts>());
    ComponentRuntime& component = parts.runtime;
    component.id = info.id;
    component.type = info.type;
    component.bound = &bound;
    component.specification = &specification;
    component.metrics = &metrics_.component(info);
    component.ledger = &ledger_.add_component(info);
    parts.made = make(component, bound.offered, bound.options);
    if (bound.codec) parts.codec = make(component, bound.codec->codec, bound.codec->options);
  }
}

Trial::~Trial() = default;

Trial::Made Trial::make(ComponentRuntime& component, const OfferedOperator& offered,
                        const BoundOptions& options) {
  Made made;
  made.offered = &offered;
  made.host = std::make_unique<OperatorHost>(runtime_, component);
  made.component.reset(
      offered.library->plugin().create(made.host->abi(), offered.descriptor, options.values()));
  return made;
}

MadeComponent Trial::operator_of(std::size_t component) const {
  const Made& made = parts_[component]->made;
  return {made.component.get(), made.host.get()};
}

std::optional<MadeComponent> Trial::codec_of(std::size_t component) const {
  const std::optional<Made>& codec = parts_[component]->codec;
  if (!codec) return std::nullopt;
  return MadeComponent{codec->component.get(), codec->host.get()};
}

void Trial::open(std::size_t component) {
  Parts& parts = *parts_[component];
  const flow_kind kind = pipeline_.components[component].descriptor().kind;
  const ComponentSpecification& specification = pipeline_.specification.components[component];
  const auto try_to_open = [&](const Made& made, flow_role role) {
    try {
      open(parts.runtime, made, role);
    } catch (const Refusal& refusal) {
      throw std::runtime_error(locate(specification, role != FLOW_ROLE_NONE, refusal).to_string());
    }
  };
  try_to_open(parts.made, FLOW_ROLE_NONE);
  if (parts.codec) {
    try_to_open(*parts.codec, kind == FLOW_SOURCE ? FLOW_ROLE_DECODE : FLOW_ROLE_ENCODE);
  }
}

void Trial::open(ComponentRuntime& component, const Made& made, flow_role role) {
  if (!made.component) throw made.host->refusal();
  if (made.offered->descriptor->kind == FLOW_SINK) return;
  NoOutlet outlet;
  const OperatorInstance opened(runtime_, component, made.component.get(), role,
                                Accounting::kOperator, 0, outlet);
}

}  // namespace flowrun
