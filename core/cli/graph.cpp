// flowrun graph: a pipeline as a drawing.
#include <fmt/core.h>
#include <oneapi/tbb/info.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/cli/choice_option.hpp"
#include "core/cli/command.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/loaded_pipeline.hpp"
#include "core/graph/plan.hpp"

namespace flowrun::cli {
namespace {

struct GraphOptions {
  std::filesystem::path file;
  std::vector<std::filesystem::path> plugin_path;
  std::vector<ParameterSetting> parameters;
  DrawingFormat format = DrawingFormat::kMermaid;
  bool physical = false;
};

int graph(const GraphOptions& options) {
  try {
    const LoadedPipeline loaded = load_pipeline_with_plugins(
        options.file, options.plugin_path, SecretReading::kLeaveOut, options.parameters);
    auto parallelism = static_cast<int>(loaded.bound.specification.parallelism.value);
    if (parallelism == 0) parallelism = oneapi::tbb::info::default_concurrency();
    fmt::print("{}", options.physical ? draw_physical(loaded.bound, make_plan(loaded.bound),
                                                      parallelism, options.format)
                                      : draw_logical(loaded.bound, options.format));
    return kSuccess;
  } catch (const ConfigurationError& error) {
    print_diagnostics(error.diagnostics());
    return kConfigurationError;
  }
}

}  // namespace

void add_graph(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand("graph", "Draw a pipeline");
  auto options = std::make_shared<GraphOptions>();
  command->add_option("FILE", options->file, "The pipeline file")->required()->option_text(" ");
  add_choice(*command, "--format", options->format,
             {{"mermaid", DrawingFormat::kMermaid}, {"dot", DrawingFormat::kDot}},
             "mermaid|dot  [mermaid]", "For Markdown viewers, or for Graphviz");
  command->add_flag("--physical", options->physical,
                    "What really runs: which operators are fused, how parallel they are, and "
                    "where rows queue");
  add_set(*command, options->parameters);
  add_plugin_path(*command, options->plugin_path);
  command->footer(
      "Examples:\n"
      "  flowrun graph pipelines/weblogs.toml\n"
      "  flowrun graph pipelines/weblogs.toml --physical --format dot | dot -Tsvg > weblogs.svg\n");
  command->callback([options, &exit_code] { exit_code = graph(*options); });
}

}  // namespace flowrun::cli
