// flowrun run: a pipeline from its file to its exit code.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/cli/choice_option.hpp"
#include "core/cli/command.hpp"
#include "core/cli/command_run.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/loaded_pipeline.hpp"
#include "core/cli/quantity_option.hpp"
#include "core/cli/run_report.hpp"
#include "core/cli/signals.hpp"
#include "core/cli/stop_control.hpp"
#include "core/config/names.hpp"
#include "core/config/quantity.hpp"
#include "core/graph/pipeline.hpp"
#include "core/observe/admin.hpp"
#include "core/observe/log.hpp"

namespace flowrun::cli {
namespace {

struct RunOptions {
  std::filesystem::path file;
  std::vector<std::filesystem::path> plugin_path;
  std::vector<ParameterSetting> parameters;
  int parallelism = 0;                        // 0: as the file says
  std::optional<std::int64_t> drain_timeout;  // nanoseconds; absent: as the file says
  std::optional<std::int64_t> memory_limit;   // bytes; absent: as the file says
  std::string admin{kDefaultAdminAddress};
  log::Options log;
  bool quiet = false;
  bool fresh = false;
  bool allow_state_loss = false;
};

void override_settings(const RunOptions& options, PipelineSpecification& specification) {
  if (options.drain_timeout) specification.drain_timeout.value = *options.drain_timeout;
  if (options.parallelism > 0) specification.parallelism.value = options.parallelism;
  if (options.memory_limit) {
    specification.memory_limit.value = *options.memory_limit;
    // Sources pause at three quarters of the limit.
    specification.in_flight.value =
        std::min(specification.in_flight.value, *options.memory_limit / 4);
  }
}

// Opens and runs the pipeline. Everything that the file and the plugins can be wrong in was told
// before; what fails while opening is the environment's.
int run_loaded(const LoadedPipeline& loaded, const RunOptions& options, StopControl& control) {
  CommandRun run(loaded);
  RunSettings settings;
  settings.parallelism = options.parallelism;
  if (const auto& checkpoint = loaded.bound.specification.checkpoint) {
    settings.checkpoint_folder = checkpoint->path.value;
    settings.checkpoints_kept = static_cast<std::size_t>(checkpoint->keep.value);
  }
  settings.fresh = options.fresh;
  settings.allow_state_loss = options.allow_state_loss;
  const std::string& notice = loaded.bound.specification.notice;
  std::atomic<bool> has_told{false};
  settings.input_read = [&] {
    has_told.store(true);
    tell_notice(notice, options.log.format);
  };

  std::unique_ptr<AdminListener> admin;
  try {
    // The address first: when it is taken, no output has been touched yet.
    if (options.admin != "off") {
      admin = std::make_unique<AdminListener>(options.admin,
                                              standard_routes(run.metrics(), run.health()));
    }
    run.open(settings);
  } catch (const ConfigurationError&) {
    throw;
  } catch (const StateLossError& error) {
    log::status_line("");
    complain(error.what());
    return kConfigurationError;
  } catch (const std::runtime_error& error) {
    log::status_line("");
    complain(error.what());
    return kUnavailable;
  }
  Pipeline& pipeline = run.pipeline();
  announce(loaded, pipeline.parallelism(), admin ? admin->address() : "off");

  const auto started = std::chrono::steady_clock::now();
  const AttachedPipeline attached(control, pipeline);
  RunResult result;
  {
    std::optional<ProgressReporter> progress;
    if (!options.quiet) {
      progress.emplace(ProgressReporter::Options{.terminal = log::has_status_line()},
                       [&] { return pipeline.progress(); });
    }
    result = pipeline.run();
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  if (!has_told.load() && result.outcome == Outcome::kFinished && !control.was_stopped()) {
    tell_notice(notice, options.log.format);
  }
  report_end(pipeline, result, elapsed.count(), control.was_stopped(), options.log.format);
  return exit_code_of(result, pipeline.ledger().unaccounted());
}

int run(const RunOptions& options) {
  log::configure(options.log);
  StopControl control;
  const SignalThread signals([&](const char* name, int count) { control.on_signal(name, count); });
  try {
    LoadedPipeline loaded = load_pipeline_with_plugins(options.file, options.plugin_path,
                                                       SecretReading::kRead, options.parameters);
    for (const Diagnostic& warning : loaded.warnings) {
      log::warning(warning.message, {{"key", warning.key_path},
                                     {"place", warning.place.to_string()},
                                     {"remedy", warning.remedy}});
    }
    override_settings(options, loaded.bound.specification);
    return run_loaded(loaded, options, control);
  } catch (const ConfigurationError& error) {
    print_diagnostics(error.diagnostics());
    return kConfigurationError;
  }
}

void add_log_options(CLI::App& command, log::Options& options) {
  add_choice(command, "--log-level", options.level,
             {{"debug", log::Level::kDebug},
              {"info", log::Level::kInfo},
              {"warning", log::Level::kWarning},
              {"error", log::Level::kError}},
             "debug|info|warning|error  [info]", "What is less important is not logged");
  add_choice(
      command, "--log-format", options.format,
      {{"text", log::Format::kText}, {"json", log::Format::kJson}, {"auto", log::Format::kAuto}},
      "text|json|auto  [auto]",
      "For people, or one JSON object a line; auto: text where stderr is a terminal");
}

}  // namespace

void add_run(CLI::App& program, int& exit_code) {
  CLI::App* command =
      program.add_subcommand("run", "Run a pipeline; 'flowrun FILE' is short for it");
  auto options = std::make_shared<RunOptions>();
  command->add_option("FILE", options->file, "The pipeline file")->required()->option_text(" ");
  add_set(*command, options->parameters);
  add_plugin_path(*command, options->plugin_path);
  command
      ->add_option("--parallelism", options->parallelism,
                   "Worker threads, instead of what the file says; by default one a core")
      ->check(CLI::Range(1, 1024))
      ->option_text("N");
  add_quantity(*command, "--memory-limit", options->memory_limit, parse_size, 1 << 20,
               "Bytes that all batches may hold together, instead of what the file says; at "
               "least 1MiB")
      ->type_name("SIZE");
  add_quantity(*command, "--drain-timeout", options->drain_timeout, parse_duration, 0,
               "How long a signal waits for what is on its way, instead of what the file says "
               "(by default 30s)")
      ->type_name("TIME");
  command
      ->add_option("--admin", options->admin,
                   "Where /metrics, /healthz and /readyz are served; 'off': nowhere")
      ->check([](const std::string& address) {
        return address == "off" || address.find(':') != std::string::npos
                   ? std::string()
                   : quote(address) + " is neither HOST:PORT nor off";
      })
      ->option_text(fmt::format("HOST:PORT|off  [{}]", kDefaultAdminAddress));
  add_log_options(*command, options->log);
  command->add_flag("--quiet", options->quiet, "Show no progress");
  command->add_flag(
      "--fresh", options->fresh,
      "Begin at the start although there are checkpoints; they go when the first new one is "
      "complete");
  command->add_flag("--allow-state-loss", options->allow_state_loss,
                    "Go on although the file was changed so that state is lost; 'flowrun plan' "
                    "says what");
  command->footer(
      std::string("SIGINT and SIGTERM stop the sources; what is on its way is delivered. A second\n"
                  "signal stops at once and says what it left behind. At the end the ledger of\n"
                  "all rows is printed on stderr. With [pipeline] checkpoint, a run goes on where\n"
                  "the one before was stopped, killed, or had come to the end of its input.\n\n") +
      kExitCodeHelp +
      "\nExamples:\n"
      "  flowrun pipelines/weblogs.toml\n"
      "  flowrun run pipelines/weblogs.toml --parallelism 2 --admin 127.0.0.1:0\n"
      "  flowrun errors.toml --set input=/var/log/nginx/access.log\n");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace flowrun::cli
