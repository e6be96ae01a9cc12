// flowrun run: a pipeline from its file to its exit code.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/cli/choice_option.hpp"
#include "core/cli/command.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/loaded_pipeline.hpp"
#include "core/cli/run_report.hpp"
#include "core/cli/signals.hpp"
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
};

// What signals mean before, while and after a pipeline runs.
class StopControl {
 public:
  // The pipeline must outlive the call of detach().
  void attach(Pipeline& pipeline) {
    const std::lock_guard lock(mutex_);
    pipeline_ = &pipeline;
    if (signals_ > 0) pipeline_->stop("signal");
  }
  void detach() {
    const std::lock_guard lock(mutex_);
    pipeline_ = nullptr;
  }
  bool was_stopped() const {
    const std::lock_guard lock(mutex_);
    return signals_ > 0;
  }

  void on_signal(const char* name, int count) {
    if (count >= 3) {
      complain("third signal: gone without a ledger; a component did not come back");
      _exit(kLeftBehind);
    }
    const std::lock_guard lock(mutex_);
    signals_ = count;
    if (count == 1) {
      log::info(
          "Stopping: sources stop, what is on its way is delivered. Another signal stops at once.",
          {{"signal", name}});
      if (pipeline_ != nullptr) pipeline_->stop(name);
    } else if (pipeline_ != nullptr) {
      log::warning("Stopping at once: what is on its way is left behind.", {{"signal", name}});
      pipeline_->abort();
    } else {
      complain("second signal: stopped outside of the run, nothing is on its way");
      _exit(kLeftBehind);
    }
  }

 private:
  mutable std::mutex mutex_;  // guards what follows
  Pipeline* pipeline_ = nullptr;
  int signals_ = 0;
};

class AttachedPipeline {
 public:
  AttachedPipeline(StopControl& control, Pipeline& pipeline) : control_(control) {
    control_.attach(pipeline);
  }
  ~AttachedPipeline() { control_.detach(); }
  AttachedPipeline(const AttachedPipeline&) = delete;
  AttachedPipeline& operator=(const AttachedPipeline&) = delete;

 private:
  StopControl& control_;
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

std::string abi_version() { return fmt::format("{}.{}", FLOW_ABI_MAJOR, FLOW_ABI_MINOR); }

int exit_code_of(const RunResult& result, std::uint64_t unaccounted) {
  if (result.outcome == Outcome::kFailed) return kPipelineFailed;
  if (result.outcome == Outcome::kAborted) return kLeftBehind;
  return unaccounted == 0 ? kSuccess : kInternalError;
}

// Opens and runs the pipeline. Everything that the file and the plugins can be wrong in was told
// before; what fails while opening is the environment's.
int run_loaded(const LoadedPipeline& loaded, const RunOptions& options, StopControl& control) {
  const PipelineSpecification& specification = loaded.bound.specification;
  MetricsRegistry metrics(specification.name.value,
                          {FLOWRUN_VERSION, FLOWRUN_COMPILER, FLOWRUN_BUILD_TYPE, abi_version()});
  for (const PluginLibrary* library : loaded.registry.libraries()) {
    const flow_plugin& plugin = library->plugin();
    metrics.add_plugin(plugin.id, plugin.version, plugin.license, library->file().string());
  }
  Health health(specification.name.value);
  RunSettings settings;
  settings.parallelism = options.parallelism;
  settings.drain_timeout = specification.drain_timeout.value;

  std::unique_ptr<AdminListener> admin;
  std::unique_ptr<Pipeline> pipeline;
  try {
    // The address first: when it is taken, no output has been touched yet.
    if (options.admin != "off") {
      admin = std::make_unique<AdminListener>(options.admin, standard_routes(metrics, health));
    }
    pipeline = std::make_unique<Pipeline>(loaded.bound, metrics, health, settings);
  } catch (const std::runtime_error& error) {
    log::status_line("");
    complain(error.what());
    return kUnavailable;
  }
  announce(loaded, pipeline->parallelism(), admin ? admin->address() : "off");

  const auto started = std::chrono::steady_clock::now();
  const AttachedPipeline attached(control, *pipeline);
  RunResult result;
  {
    std::optional<ProgressReporter> progress;
    if (!options.quiet) {
      progress.emplace(ProgressReporter::Options{.terminal = log::has_status_line()},
                       [&] { return pipeline->progress(); });
    }
    result = pipeline->run();
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  report_end(*pipeline, result, elapsed.count(), control.was_stopped(), options.log.format);
  return exit_code_of(result, pipeline->ledger().unaccounted());
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

using Parse = Quantity (*)(std::string_view);

// An option whose text `parse` reads, "30s" or "1GiB".
CLI::Option* add_quantity(CLI::App& command, const char* name, std::optional<std::int64_t>& value,
                          Parse parse, std::int64_t least, const char* help) {
  return command.add_option_function<std::string>(
      name,
      [name, &value, parse, least](const std::string& text) {
        const Quantity quantity = parse(text);
        if (!quantity.value) {
          throw CLI::ValidationError(
              name, quantity.problem + (quantity.remedy.empty() ? "" : ": ") + quantity.remedy);
        }
        if (*quantity.value < least) throw CLI::ValidationError(name, text + " is too small");
        value = quantity.value;
      },
      help);
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
  command->footer(
      std::string("SIGINT and SIGTERM stop the sources; what is on its way is delivered. A second\n"
                  "signal stops at once and says what it left behind. At the end the ledger of\n"
                  "all rows is printed on stderr.\n\n") +
      kExitCodeHelp +
      "\nExamples:\n"
      "  flowrun pipelines/weblogs.toml\n"
      "  flowrun run pipelines/weblogs.toml --parallelism 2 --admin 127.0.0.1:0\n"
      "  flowrun errors.toml --set input=/var/log/nginx/access.log\n");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace flowrun::cli
