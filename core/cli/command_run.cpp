#include "core/cli/command_run.hpp"

#include <fmt/core.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

#include "core/cli/command.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/signals.hpp"
#include "core/observe/log.hpp"
#include "flow/abi.h"

namespace flowrun::cli {
namespace {

std::string abi_version() { return fmt::format("{}.{}", FLOW_ABI_MAJOR, FLOW_ABI_MINOR); }

}  // namespace

CommandRun::CommandRun(const LoadedPipeline& loaded)
    : loaded_(loaded),
      metrics_(loaded.bound.specification.name.value,
               {FLOWRUN_VERSION, FLOWRUN_COMPILER, FLOWRUN_BUILD_TYPE, abi_version()}),
      health_(loaded.bound.specification.name.value) {
  for (const PluginLibrary* library : loaded.registry.libraries()) {
    const flow_plugin& plugin = library->plugin();
    metrics_.add_plugin(plugin.id, plugin.version, plugin.license, library->file().string());
  }
}

Pipeline& CommandRun::open(RunSettings settings) {
  settings.drain_timeout = loaded_.bound.specification.drain_timeout.value;
  pipeline_ = std::make_unique<Pipeline>(loaded_.bound, metrics_, health_, std::move(settings));
  return *pipeline_;
}

int exit_code_of(const RunResult& result, std::uint64_t unaccounted) {
  if (result.outcome == Outcome::kFailed) return kPipelineFailed;
  if (result.outcome == Outcome::kAborted) return kLeftBehind;
  return unaccounted == 0 ? kSuccess : kInternalError;
}

int run_tool(const ToolRun& tool) {
  log::configure({log::Format::kText, log::Level::kWarning});
  StopControl control;
  const SignalThread signals([&](const char* name, int count) { control.on_signal(name, count); });
  LoadedPipeline loaded;
  std::optional<CommandRun> opened;
  try {
    loaded = tool.load();
    opened.emplace(loaded);
    RunSettings settings;
    settings.parallelism = tool.parallelism;
    opened->open(std::move(settings));
  } catch (const ConfigurationError& error) {
    if (tool.refuse) {
      tool.refuse(error);
    } else {
      print_diagnostics(error.diagnostics());
    }
    return kConfigurationError;
  } catch (const std::runtime_error& error) {
    complain(error.what());
    return kUnavailable;
  }
  CommandRun& run = *opened;
  tool.prepare(run);
  const auto started = std::chrono::steady_clock::now();
  RunResult result;
  {
    const AttachedPipeline attached(control, run.pipeline());
    result = run.pipeline().run();
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  tool.report(run, elapsed.count());
  const std::uint64_t unaccounted = run.pipeline().ledger().unaccounted();
  if (!result.message.empty() && result.outcome != Outcome::kFinished) complain(result.message);
  if (unaccounted != 0) {
    complain(fmt::format("{} rows are not accounted for: an error of flowrun or of a plugin",
                         unaccounted));
  }
  return exit_code_of(result, unaccounted);
}

}  // namespace flowrun::cli
