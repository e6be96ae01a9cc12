// The components of a pipeline, made and not run yet.
#pragma once

#include <cstddef>
#include <optional>

#include "core/graph/operator_instance.hpp"

namespace flowrun {

// What a plugin made of a component or of its codec; `component` is NULL where it refused, and the
// host says why.
struct MadeComponent {
  flow_component* component = nullptr;
  const OperatorHost* host = nullptr;
};

class MadeComponents {
 public:
  virtual ~MadeComponents() = default;
  // By the number of the component in the pipeline.
  virtual MadeComponent operator_of(std::size_t component) const = 0;
  // Nothing: it has none.
  virtual std::optional<MadeComponent> codec_of(std::size_t component) const = 0;
};

}  // namespace flowrun
