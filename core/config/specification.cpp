#include "core/config/specification.hpp"

namespace flowrun {

std::string ComponentSpecification::key_path() const {
  return std::string(kind_name(kind)) + "s." + id;
}

const ComponentSpecification* PipelineSpecification::find(std::string_view id) const {
  for (const ComponentSpecification& component : components) {
    if (component.id == id) return &component;
  }
  return nullptr;
}

std::string_view kind_name(flow_kind kind) {
  switch (kind) {
    case FLOW_SOURCE:
      return "source";
    case FLOW_TRANSFORM:
      return "transform";
    case FLOW_WINDOW:
      return "window";
    case FLOW_SINK:
      return "sink";
    case FLOW_CODEC:
      return "codec";
    default:
      return "operator of unknown kind";
  }
}

}  // namespace flowrun
