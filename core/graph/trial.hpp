// The components of a pipeline, made but not run: what `validate` looks at.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/graph/made_components.hpp"

namespace flowrun {

// Makes every component and its codec when it is constructed, and opens instances when it is asked
// to. Reads and writes no data.
class Trial final : public MadeComponents {
 public:
  // REQUIRES: binding found no errors. `pipeline` must outlive this.
  explicit Trial(const BoundPipeline& pipeline);
  ~Trial() override;
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  MadeComponent operator_of(std::size_t component) const override;
  std::optional<MadeComponent> codec_of(std::size_t component) const override;

  // Opens one instance of the component and of its codec; of sinks that of the codec only, since
  // opening would create or change their output. Throws what the component has to say, with the
  // place in the file.
  void open(std::size_t component);

 private:
  struct Destroy {
    void operator()(flow_component* component) const { component->destroy(component); }
  };
  struct Made {
    const OfferedOperator* offered = nullptr;
    std::unique_ptr<OperatorHost> host;
    std::unique_ptr<flow_component, Destroy> component;  // empty: it refused
  };
  struct Parts;
  Made make(ComponentRuntime& component, const OfferedOperator& offered,
            const BoundOptions& options);
  void open(ComponentRuntime& component, const Made& made, flow_role role);

  const BoundPipeline& pipeline_;
  MetricsRegistry metrics_;
  Health health_;
  PipelineLedger ledger_;
  Runtime runtime_;
  std::vector<std::unique_ptr<Parts>> parts_;
};

}  // namespace flowrun
