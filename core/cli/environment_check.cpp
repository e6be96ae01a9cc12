#include "core/cli/environment_check.hpp"

#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>

#include "core/graph/operator_instance.hpp"
#include "core/graph/runtime.hpp"

namespace flowrun::cli {
namespace {

// An instance that is only opened has nothing to say.
class NoOutlet final : public Outlet {
 public:
  std::int64_t room(std::size_t, std::uint32_t) override { return 0; }
  void emit(std::size_t, std::uint32_t, flow::Batch) override {}
};

struct Destroy {
  void operator()(flow_component* component) const { component->destroy(component); }
};
using MadeComponent = std::unique_ptr<flow_component, Destroy>;

std::int64_t system_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class EnvironmentCheck {
 public:
  explicit EnvironmentCheck(const BoundPipeline& pipeline)
      : pipeline_(pipeline),
        metrics_(pipeline.specification.name.value, {}),
        health_(pipeline.specification.name.value),
        runtime_(metrics_, health_, ledger_) {
    runtime_.memory_limit = pipeline.specification.memory_limit.value;
    runtime_.in_flight = pipeline.specification.in_flight.value;
    runtime_.state_limit = pipeline.specification.state_limit.value;
    runtime_.batch_rows = pipeline.specification.batch_rows.value;
    runtime_.now = system_now;
  }

  // Throws what the component has to say.
  void check(std::size_t index) {
    const BoundComponent& bound = pipeline_.components[index];
    const ComponentSpecification& specification = pipeline_.specification.components[index];
    ComponentInfo info;
    info.id = specification.id;
    info.type = specification.type.value;
    info.kind = static_cast<ComponentKind>(bound.descriptor().kind);
    for (std::uint32_t port = 0; port < bound.descriptor().n_outputs; ++port) {
      info.ports.emplace_back(bound.descriptor().outputs[port]->name);
    }
    ComponentRuntime component;
    component.id = info.id;
    component.type = info.type;
    component.bound = &bound;
    component.metrics = &metrics_.component(info);
    component.ledger = &ledger_.add_component(info);

    check_operator(component, bound.offered, bound.options, FLOW_ROLE_NONE);
    if (bound.codec) {
      const bool decodes = bound.descriptor().kind == FLOW_SOURCE;
      check_operator(component, bound.codec->codec, bound.codec->options,
                     decodes ? FLOW_ROLE_DECODE : FLOW_ROLE_ENCODE);
    }
  }

 private:
  void check_operator(ComponentRuntime& component, const OfferedOperator& offered,
                      const BoundOptions& options, flow_role role) {
    const OperatorHost host(runtime_, component);
    const MadeComponent made(
        offered.library->plugin().create(host.abi(), offered.descriptor, options.values()));
    if (!made) throw std::runtime_error(host.error());
    if (offered.descriptor->kind == FLOW_SINK) return;
    NoOutlet outlet;
    const OperatorInstance opened(runtime_, component, made.get(), role, Accounting::kOperator, 0,
                                  outlet);
  }

  const BoundPipeline& pipeline_;
  MetricsRegistry metrics_;
  Health health_;
  PipelineLedger ledger_;
  Runtime runtime_;
};

}  // namespace

std::vector<std::string> environment_problems(const BoundPipeline& pipeline) {
  std::vector<std::string> problems;
  EnvironmentCheck check(pipeline);
  for (const std::size_t index : pipeline.order) {
    const ComponentSpecification& component = pipeline.specification.components[index];
    try {
      check.check(index);
    } catch (const std::exception& problem) {
      problems.push_back(component.place.to_string() + ": " + component.key_path() + ": " +
                         problem.what());
    }
  }
  return problems;
}

}  // namespace flowrun::cli
