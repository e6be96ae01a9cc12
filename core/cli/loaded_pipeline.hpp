// From a pipeline file and the plugins that it names to what can be drawn and run.
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "core/config/binding.hpp"
#include "core/config/diagnostic.hpp"
#include "core/plugin/registry.hpp"

namespace flowrun::cli {

struct LoadedPipeline {
  Registry registry;
  BoundPipeline bound;  // with its dead-letter sink
  std::vector<Diagnostic> warnings;
};

// Loads only the plugins that the file names. Throws a ConfigurationError with everything that is
// wrong with the file and its plugins.
LoadedPipeline load_pipeline_with_plugins(const std::filesystem::path& file,
                                          const std::vector<std::filesystem::path>& plugin_path,
                                          SecretReading secrets = SecretReading::kRead);

// A specification that a command changes before it runs it: `change` is called once the plugins are
// loaded, and may name the sinks of tool_sinks.hpp. `found`: what reading it found. Throws as
// above.
using SpecificationChange =
    std::function<void(PipelineSpecification&, const Registry&, Diagnostics&)>;
LoadedPipeline load_changed_pipeline(PipelineSpecification specification, Diagnostics found,
                                     const std::vector<std::filesystem::path>& plugin_path,
                                     const SpecificationChange& change);

// One line a diagnostic on stderr, and how many errors there are where it is more than one.
void print_diagnostics(const std::vector<Diagnostic>& diagnostics);

}  // namespace flowrun::cli
