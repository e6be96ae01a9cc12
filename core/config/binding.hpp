// Specification + registry -> what can be planned and run: operators, options, wiring by index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config/options.hpp"
#include "core/config/specification.hpp"
#include "core/plugin/registry.hpp"
#include "flow/host/outputs.hpp"

namespace flowrun {

// The port of an edge out of a component whose codec fails rows, where the operator itself declares
// no `errors`.
inline constexpr std::uint32_t kCodecErrorsPort = UINT32_MAX;

// One edge, as its reading end sees it.
struct BoundInput {
  std::uint32_t port = 0;       // of the reader's descriptor
  std::size_t from = 0;         // index of the component that is read from
  std::uint32_t from_port = 0;  // of its descriptor's outputs, or kCodecErrorsPort
  std::string from_port_name;
  Place place;
};

struct BoundCodec {
  OfferedOperator codec;
  BoundOptions options;
};

struct BoundComponent {
  OfferedOperator offered;
  BoundOptions options;
  std::optional<BoundCodec> codec;  // a source's decoding or a sink's encoding
  std::vector<BoundInput> inputs;   // by port, then as listed
  OnError on_error = OnError::kDeadLetter;

  // Of an operator that leaves outputs to an option: its descriptor with them.
  std::shared_ptr<const flow::host::ComponentDescriptor> own;

  const flow_descriptor& descriptor() const { return own ? own->get() : *offered.descriptor; }
};

struct BoundPipeline {
  PipelineSpecification specification;
  std::vector<BoundComponent> components;  // components[i] is specification.components[i]
  std::vector<std::size_t> order;          // indexes; each after all that it reads from
};

struct BindSettings {
  SecretReading secrets = SecretReading::kRead;
};

// Loads the plugins that the specification names into `registry`, or all of its folders where it
// names none. Refusals are errors at the place of the name, or at the plugin's file. Returns
// whether all went well.
bool load_plugins(const PipelineSpecification& specification, Registry& registry,
                  Diagnostics& found);

// Matches every component with its operator: type, options, codec, ports. Problems go to `found`,
// an output that nothing reads as a warning. The result is for use only if `found` has no errors.
// With `plugins_complete` false (load_plugins failed) an unknown type is not reported: it would
// be in the plugin that is missing.
BoundPipeline bind(PipelineSpecification specification, const Registry& registry,
                   Diagnostics& found, bool plugins_complete = true,
                   const BindSettings& settings = {});

}  // namespace flowrun
