#include "core/cli/loaded_pipeline.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

#include "core/cli/tool_sinks.hpp"
#include "core/config/loader.hpp"
#include "core/graph/plan.hpp"
#include "core/plugin/search_path.hpp"

namespace flowrun::cli {
namespace {

// The last steps of loading; throws everything that is wrong.
void finish(PipelineSpecification specification, bool complete, SecretReading secrets,
            LoadedPipeline& loaded, Diagnostics& found) {
  loaded.bound = bind(std::move(specification), loaded.registry, found, complete, {secrets});
  if (!found.has_errors()) add_dead_letter_sink(loaded.bound, loaded.registry, found);
  found.throw_if_errors();
  loaded.warnings = found.sorted();
}

}  // namespace

LoadedPipeline load_pipeline_with_plugins(const std::filesystem::path& file,
                                          const std::vector<std::filesystem::path>& plugin_path,
                                          SecretReading secrets,
                                          const std::vector<ParameterSetting>& parameters) {
  LoadedPipeline loaded;
  Diagnostics found;
  LoadSettings settings;
  settings.parameters = parameters;
  PipelineSpecification specification = load_pipeline(file, found, settings);
  loaded.registry = Registry(plugin_search_folders(plugin_path));
  const bool complete = load_plugins(specification, loaded.registry, found);
  finish(std::move(specification), complete, secrets, loaded, found);
  return loaded;
}

LoadedPipeline load_changed_pipeline(PipelineSpecification specification, Diagnostics found,
                                     const std::vector<std::filesystem::path>& plugin_path,
                                     const SpecificationChange& change) {
  LoadedPipeline loaded;
  loaded.registry = Registry(plugin_search_folders(plugin_path));
  const bool complete = load_plugins(specification, loaded.registry, found);
  loaded.registry.add(tool_sinks());
  change(specification, loaded.registry, found);
  finish(std::move(specification), complete, SecretReading::kRead, loaded, found);
  return loaded;
}

void print_diagnostics(const std::vector<Diagnostic>& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics) {
    fmt::print(stderr, "{}\n", diagnostic.to_string());
  }
  const auto errors = std::count_if(
      diagnostics.begin(), diagnostics.end(),
      [](const Diagnostic& diagnostic) { return diagnostic.severity == Severity::kError; });
  if (errors > 1) fmt::print(stderr, "{} errors\n", errors);
}

}  // namespace flowrun::cli
