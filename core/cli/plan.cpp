// flowrun plan: what a start would do to the state that the last run left.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/cli/command.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/loaded_pipeline.hpp"
#include "core/graph/saved_state.hpp"
#include "core/state/checkpoint_store.hpp"

namespace flowrun::cli {
namespace {

struct PlanOptions {
  std::filesystem::path file;
  std::vector<std::filesystem::path> plugin_path;
  std::vector<ParameterSetting> parameters;
};

const char* word_of(StateChange::Fate fate) {
  switch (fate) {
    case StateChange::Fate::kKept:
      return "kept";
    case StateChange::Fate::kMigrated:
      return "migrated";
    case StateChange::Fate::kNew:
      return "new";
    case StateChange::Fate::kLost:
      return "lost";
  }
  return "";
}

int tell(const BoundPipeline& pipeline, const std::string& folder) {
  if (!std::filesystem::is_directory(folder)) {
    fmt::print("{}: no checkpoint yet; a run begins at the start\n", folder);
    return kSuccess;
  }
  std::vector<DamagedCheckpoint> damaged;
  CheckpointStore store(folder);
  std::map<std::uint64_t, std::map<std::string, std::string>> renamed_in;  // by checkpoint
  const std::optional<Manifest> saved = store.load(damaged, [&](Manifest& manifest) {
    for (const auto& [name, old] : rename_state(manifest, pipeline.specification)) {
      renamed_in[manifest.id][name] = old;
    }
  });
  for (const DamagedCheckpoint& each : damaged) {
    fmt::print("checkpoint {} is damaged: {}: {}\n", each.id, each.file.string(), each.reason);
  }
  if (!saved) {
    fmt::print("{}: no checkpoint that can be used\n", folder);
    return damaged.empty() ? kSuccess : kConfigurationError;
  }
  fmt::print("{}: a run goes on from checkpoint {}\n", folder, saved->id);
  bool loses = false;
  const std::map<std::string, std::string>& renamed = renamed_in[saved->id];
  for (const StateChange& change : compare_state(*saved, pipeline)) {
    const auto old = renamed.find(change.id);
    fmt::print("  {:<9} {}: {}{}{}\n", word_of(change.fate), change.id, change.what,
               old != renamed.end() ? ", so far of '" + old->second + "'" : "",
               change.why.empty() ? "" : " (" + change.why + ")");
    loses |= change.fate == StateChange::Fate::kLost;
  }
  if (!loses) return kSuccess;
  fmt::print("'flowrun run' refuses to lose state unless it is given --allow-state-loss\n");
  return kConfigurationError;
}

int plan(const PlanOptions& options) {
  try {
    const LoadedPipeline loaded = load_pipeline_with_plugins(
        options.file, options.plugin_path, SecretReading::kLeaveOut, options.parameters);
    const auto& checkpoint = loaded.bound.specification.checkpoint;
    if (!checkpoint) {
      fmt::print("no [pipeline] checkpoint: nothing is kept, and each run begins at the start\n");
      return kSuccess;
    }
    return tell(loaded.bound, checkpoint->path.value);
  } catch (const ConfigurationError& error) {
    print_diagnostics(error.diagnostics());
    return kConfigurationError;
  } catch (const CheckpointError& error) {
    complain(error.what());
    return kUnavailable;
  }
}

}  // namespace

void add_plan(CLI::App& program, int& exit_code) {
  CLI::App* command =
      program.add_subcommand("plan", "Say what a run would keep of the state that is there");
  auto options = std::make_shared<PlanOptions>();
  command->add_option("FILE", options->file, "The pipeline file")->required()->option_text(" ");
  add_set(*command, options->parameters);
  add_plugin_path(*command, options->plugin_path);
  command->footer(
      "State belongs to a component's name, type and key. What is kept, migrated, new or\n"
      "lost is told for each component of the newest checkpoint; nothing is changed. With\n"
      "renamed_from = \"OLD\" in the file a component takes the state of its old name along.\n\n"
      "Exit codes:\n"
      "   0  nothing would be lost\n"
      "  69  the checkpoints cannot be read, or a run is using them\n"
      "  78  state would be lost, or the pipeline file or a plugin is wrong\n\n"
      "Examples:\n"
      "  flowrun plan pipelines/weblogs.toml\n");
  command->callback([options, &exit_code] { exit_code = plan(*options); });
}

}  // namespace flowrun::cli
