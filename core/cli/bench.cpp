// flowrun bench: how fast a pipeline is, and where its time goes.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/cli/command.hpp"
#include "core/cli/command_run.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/json_text.hpp"
#include "core/cli/quantity_option.hpp"
#include "core/cli/tool_sinks.hpp"
#include "core/config/loader.hpp"
#include "core/observe/text.hpp"

namespace flowrun::cli {
namespace {

constexpr std::int64_t kDefaultDuration = 10'000'000'000;

struct BenchOptions {
  std::filesystem::path file;
  std::vector<std::filesystem::path> plugin_path;
  std::vector<ParameterSetting> parameters;
  std::optional<std::int64_t> duration;  // nanoseconds; 0: to the end of the input
  int parallelism = 0;
  bool without_encoding = false;
  bool json = false;
};

// Puts sinks that write nothing in the place of the file's. Their encoders stay, unless they are to
// go.
void discard_output(const BenchOptions& options, PipelineSpecification& specification,
                    const Registry& registry) {
  for (ComponentSpecification& component : specification.components) {
    component.on_error.reset();
    if (component.kind != FLOW_SINK) continue;
    const OfferedOperator* offered = registry.find(FLOW_SINK, component.type.value);
    if (offered == nullptr) continue;  // binding tells
    const std::uint64_t traits = offered->descriptor->traits;
    const bool messages = (traits & FLOW_MESSAGES) != 0;
    const bool encodes = component.encoding || ((traits & (FLOW_BYTES | FLOW_MESSAGES)) != 0 &&
                                                (traits & FLOW_ANY_ROWS) == 0);
    if (options.without_encoding) {
      component.encoding.reset();
    } else if (encodes && !component.encoding) {
      component.encoding = CodecSpecification{{"json", component.place}, component.place, {}};
    }
    component.type.value = messages ? kNowhereMessagesSink : kNowhereSink;
    component.options.clear();
    component.parallelism.reset();
  }
  specification.checkpoint.reset();
  specification.on_error.value = OnError::kDrop;
}

// Stops the pipeline after a time.
class Deadline {
 public:
  Deadline(Pipeline& pipeline, std::int64_t nanoseconds)
      : thread_([this, &pipeline, nanoseconds] {
          std::unique_lock lock(mutex_);
          const auto over = [this] { return over_; };
          if (!changed_.wait_for(lock, std::chrono::nanoseconds(nanoseconds), over)) {
            pipeline.stop("duration");
          }
        }) {}
  ~Deadline() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;  // guarded by mutex_
  std::thread thread_;
};

struct OperatorFigure {
  std::string id, type;
  std::uint64_t rows = 0;  // that it dealt with
  double busy = 0;         // seconds, of all its instances
};

struct Figures {
  double seconds = 0;
  std::uint64_t rows = 0, bytes = 0, failed = 0;
  std::int64_t memory_peak = 0;
  int parallelism = 0;
  double busy = 0;
  std::vector<OperatorFigure> operators;
};

Figures measure(CommandRun& run, const PipelineSpecification& specification, double seconds) {
  Figures figures;
  const ProgressSnapshot progress = run.pipeline().progress();
  figures.seconds = std::max(seconds, 1e-9);
  figures.rows = progress.rows;
  figures.bytes = progress.bytes;
  figures.memory_peak = run.pipeline().memory_peak();
  figures.parallelism = run.pipeline().parallelism();
  for (const ComponentSpecification& component : specification.components) {
    const ComponentLedger* ledger = run.pipeline().ledger().find_component(component.id);
    if (ledger == nullptr) continue;
    const LedgerDelta totals = ledger->totals();
    OperatorFigure figure;
    figure.id = component.id;
    figure.type = component.type.value;
    figure.rows = std::max(totals.rows.in, totals.rows.created);
    figure.busy = run.metrics().component(ledger->info()).batch_seconds.sum();
    figures.failed += totals.rows.failed;
    figures.busy += figure.busy;
    figures.operators.push_back(std::move(figure));
  }
  return figures;
}

double nanoseconds_a_row(const OperatorFigure& figure) {
  return figure.rows == 0 ? 0 : figure.busy * 1e9 / static_cast<double>(figure.rows);
}
double share(const Figures& figures, const OperatorFigure& figure) {
  return figures.busy <= 0 ? 0 : figure.busy * 100 / figures.busy;
}

void print_text(const Figures& figures) {
  std::size_t width = 8;
  for (const OperatorFigure& figure : figures.operators) width = std::max(width, figure.id.size());
  fmt::print("{} rows in {:.2f} s on {} worker{}\n", with_thousands(figures.rows), figures.seconds,
             figures.parallelism, figures.parallelism == 1 ? "" : "s");
  fmt::print("{} rows/s\n{:.1f} MB/s\n",
             with_thousands(
                 static_cast<std::uint64_t>(static_cast<double>(figures.rows) / figures.seconds)),
             static_cast<double>(figures.bytes) / 1e6 / figures.seconds);
  if (figures.failed > 0) fmt::print("{} rows failed\n", with_thousands(figures.failed));
  fmt::print("memory peak {:.1f} MiB\n\n",
             static_cast<double>(figures.memory_peak) / (1024.0 * 1024.0));
  fmt::print("{:>6}  {:>10}  {:<{}}  {}\n", "share", "ns/row", "operator", width, "type");
  for (const OperatorFigure& figure : figures.operators) {
    fmt::print("{:>5.1f}%  {:>10.1f}  {:<{}}  {}\n", share(figures, figure),
               nanoseconds_a_row(figure), figure.id, width, figure.type);
  }
}

void print_json(const Figures& figures) {
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  JsonText json;
  json.begin_object();
  json.key("rows").value(number(figures.rows));
  json.key("bytes").value(number(figures.bytes));
  json.key("failed").value(number(figures.failed));
  json.key("seconds").value(figures.seconds);
  json.key("rows_per_second").value(static_cast<double>(figures.rows) / figures.seconds);
  json.key("megabytes_per_second")
      .value(static_cast<double>(figures.bytes) / 1e6 / figures.seconds);
  json.key("memory_peak").value(figures.memory_peak);
  json.key("parallelism").value(std::int64_t{figures.parallelism});
  json.key("operators").begin_array();
  for (const OperatorFigure& figure : figures.operators) {
    json.begin_object();
    json.key("id").value(figure.id);
    json.key("type").value(figure.type);
    json.key("rows").value(number(figure.rows));
    json.key("busy_seconds").value(figure.busy);
    json.key("nanoseconds_per_row").value(nanoseconds_a_row(figure));
    json.key("share_percent").value(share(figures, figure));
    json.end_object();
  }
  json.end_array();
  json.end_object();
  fmt::print("{}", json.take());
}

int bench(const BenchOptions& options) {
  ToolRun tool;
  tool.parallelism = options.parallelism;
  PipelineSpecification as_read;
  tool.load = [&] {
    Diagnostics found;
    LoadSettings settings;
    settings.parameters = options.parameters;
    as_read = load_pipeline(options.file, found, settings);
    return load_changed_pipeline(
        as_read, std::move(found), options.plugin_path,
        [&](PipelineSpecification& specification, const Registry& registry, Diagnostics&) {
          discard_output(options, specification, registry);
        });
  };
  std::optional<Deadline> deadline;
  const std::int64_t duration = options.duration.value_or(kDefaultDuration);
  tool.prepare = [&](CommandRun& run) {
    if (duration > 0) deadline.emplace(run.pipeline(), duration);
  };
  tool.report = [&](CommandRun& run, double seconds) {
    deadline.reset();
    const Figures figures = measure(run, as_read, seconds);
    if (options.json) {
      print_json(figures);
    } else {
      print_text(figures);
    }
  };
  return run_tool(tool);
}

}  // namespace

void add_bench(CLI::App& program, int& exit_code) {
  CLI::App* command =
      program.add_subcommand("bench", "Run a pipeline with its output thrown away and measure it");
  auto options = std::make_shared<BenchOptions>();
  command->add_option("FILE", options->file, "The pipeline file")->required()->option_text(" ");
  add_quantity(*command, "--duration", options->duration, parse_duration, 0,
               "When to stop if the input has not ended before; 0: run to the input's end")
      ->option_text("TIME  [10s]");
  command
      ->add_option("--parallelism", options->parallelism,
                   "Worker threads, instead of what the file says")
      ->check(CLI::Range(1, 1024))
      ->option_text("N");
  command->add_flag("--without-encoding", options->without_encoding,
                    "Leave the sinks' encoders out too");
  command->add_flag("--json", options->json, "For machines");
  add_set(*command, options->parameters);
  add_plugin_path(*command, options->plugin_path);
  command->footer(
      "Sinks take what they are given and throw it away: nothing is written, and rows that fail\n"
      "are counted and dropped. MB/s are of the input. ns/row and share are of the time that\n"
      "threads spent inside an operator: a source's with its decoder, a sink's is its encoder.\n\n"
      "Examples:\n"
      "  flowrun bench pipelines/weblogs.toml\n"
      "  flowrun bench pipelines/weblogs.toml --duration 30s --without-encoding --json\n");
  command->callback([options, &exit_code] { exit_code = bench(*options); });
}

}  // namespace flowrun::cli
