// flowrun tap: the rows of one port of a pipeline, as they pass.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/cli/command.hpp"
#include "core/cli/command_run.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/leading_part.hpp"
#include "core/cli/tool_sinks.hpp"
#include "core/config/loader.hpp"
#include "core/config/names.hpp"
#include "core/observe/row_text.hpp"

namespace flowrun::cli {
namespace {

constexpr const char* kTapId = "flowrun_tap";

struct TapOptions {
  std::filesystem::path file;
  std::string port;
  std::vector<std::filesystem::path> plugin_path;
  std::vector<ParameterSetting> parameters;
  std::int64_t limit = 20;
  std::size_t width = 40;
  bool json = false;
  bool keep_sinks = false;
};

InputReference reference_of(const std::string& text) {
  const std::size_t dot = text.find('.');
  InputReference reference;
  reference.component = text.substr(0, dot);
  if (dot != std::string::npos) reference.port = text.substr(dot + 1);
  reference.place.file = "PORT";
  return reference;
}

void check_component(const PipelineSpecification& specification, const InputReference& reference,
                     Diagnostics& found) {
  const ComponentSpecification* component = specification.find(reference.component);
  if (component == nullptr) {
    std::vector<std::string> ids;
    for (const ComponentSpecification& other : specification.components) ids.push_back(other.id);
    std::string remedy = did_you_mean(reference.component, ids);
    if (remedy.empty()) remedy = "the file has " + enumerate(ids);
    found.error(reference.place, "", "there is no component " + quote(reference.component),
                std::move(remedy));
  } else if (component->kind == FLOW_SINK && reference.port.empty()) {
    found.error(reference.place, "", quote(reference.component) + " is a sink: nothing leaves it",
                "name what it reads, or its errors");
  }
}

// Takes the first rows and shows them.
class Tap {
 public:
  explicit Tap(const TapOptions& options) : options_(options), table_(options.width) {}

  void attach(Pipeline& pipeline) { pipeline_ = &pipeline; }

  void take(const flow::Batch& batch) {
    for (std::int64_t row = 0; row < batch.rows() && taken_ < options_.limit; ++row, ++taken_) {
      if (options_.json) {
        fmt::print("{}\n", row_json(*batch, row));
      } else {
        table_.add(*batch, row);
      }
    }
    if (options_.json) std::fflush(stdout);
    if (taken_ == options_.limit && !std::exchange(stopped_, true)) pipeline_->stop("limit");
  }

  void show() const {
    if (options_.json) return;
    if (taken_ == 0) {
      fmt::print(stderr, "no rows came by\n");
    } else {
      fmt::print("{}", table_.to_string());
    }
  }

 private:
  const TapOptions& options_;
  Pipeline* pipeline_ = nullptr;
  RowTable table_;
  std::int64_t taken_ = 0;
  bool stopped_ = false;
};

int tap(const TapOptions& options) {
  Tap shown(options);
  const ReceivingRows receiving([&](const flow::Batch& batch) { shown.take(batch); });
  ToolRun tool;
  tool.load = [&] {
    Diagnostics found;
    LoadSettings settings;
    settings.parameters = options.parameters;
    PipelineSpecification read = load_pipeline(options.file, found, settings);
    const InputReference reference = reference_of(options.port);
    check_component(read, reference, found);
    found.throw_if_errors();
    return load_changed_pipeline(
        std::move(read), std::move(found), options.plugin_path,
        [&](PipelineSpecification& specification, const Registry&, Diagnostics&) {
          if (!options.keep_sinks) keep_what_leads_to(reference.component, specification);
          specification.components.push_back(tool_sink(kRowsSink, kTapId, reference));
        });
  };
  tool.prepare = [&](CommandRun& run) { shown.attach(run.pipeline()); };
  tool.report = [&](CommandRun&, double) { shown.show(); };
  return run_tool(tool);
}

}  // namespace

void add_tap(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand("tap", "Run a pipeline and show the rows of one port");
  auto options = std::make_shared<TapOptions>();
  command->add_option("FILE", options->file, "The pipeline file")->required()->option_text(" ");
  command->add_option("PORT", options->port, "COMPONENT or COMPONENT.PORT, such as parsed.errors")
      ->required()
      ->option_text(" ");
  command->add_option("--limit", options->limit, "So many rows, then the run is stopped")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}))
      ->option_text("N  [20]");
  command->add_flag("--json", options->json, "One JSON object a line, as soon as it comes by");
  command->add_option("--width", options->width, "Where values in the table are cut off")
      ->check(CLI::Range(4, 100'000))
      ->option_text("N  [40]");
  command->add_flag("--keep-sinks", options->keep_sinks,
                    "Run the whole pipeline, sinks and dead letters included. Without it only what "
                    "leads to the port runs, and nothing is written");
  add_set(*command, options->parameters);
  add_plugin_path(*command, options->plugin_path);
  command->footer(
      "The table has the columns' types in its second line. Rows that fail on the way are dropped\n"
      "(tap COMPONENT.errors shows them). Positions and checkpoints are left alone, unless with\n"
      "--keep-sinks.\n\n"
      "Examples:\n"
      "  flowrun tap pipelines/weblogs.toml located --limit 5\n"
      "  flowrun tap pipelines/weblogs.toml parsed.errors --json\n");
  command->callback([options, &exit_code] { exit_code = tap(*options); });
}

}  // namespace flowrun::cli
