// flowrun eval: how well a pipeline detects or recommends, with one or several settings.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/cli/command.hpp"
#include "core/cli/command_run.hpp"
#include "core/cli/evaluator.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/json_text.hpp"
#include "core/cli/leading_part.hpp"
#include "core/cli/quantity_option.hpp"
#include "core/cli/tool_sinks.hpp"
#include "core/config/loader.hpp"
#include "core/config/names.hpp"
#include "core/config/quantity.hpp"

namespace flowrun::cli {
namespace {

constexpr const char* kEvaluationId = "flowrun_evaluation";
constexpr std::size_t kMostRuns = 1000;

struct EvalOptions {
  std::filesystem::path file;
  std::string labels;
  std::string component;
  std::optional<std::int64_t> grace;  // nanoseconds
  std::vector<std::filesystem::path> plugin_path;
  std::vector<ParameterSetting> parameters;  // values with commas between them
  int parallelism = 0;
  bool json = false;
};

using Settings = std::vector<ParameterSetting>;

// Every combination of the values, the first parameter's changing slowest.
std::vector<Settings> combinations(const std::vector<ParameterSetting>& parameters) {
  std::vector<Settings> all = {{}};
  for (const ParameterSetting& parameter : parameters) {
    std::vector<Settings> longer;
    for (const Settings& settings : all) {
      std::string_view values = parameter.value;
      while (true) {
        const std::size_t comma = values.find(',');
        longer.push_back(settings);
        longer.back().push_back({parameter.name, std::string(values.substr(0, comma))});
        if (comma == std::string_view::npos) break;
        values.remove_prefix(comma + 1);
      }
    }
    all = std::move(longer);
  }
  return all;
}

// What tells this run from the others.
std::string words_of(const Settings& settings, const std::vector<ParameterSetting>& asked) {
  std::string words;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    if (settings[i].value == asked[i].value) continue;  // the same in all runs
    words.append(words.empty() ? "" : " ");
    words.append(settings[i].name).append("=").append(settings[i].value);
  }
  if (!words.empty()) return words;
  return settings.empty() ? "as in the file" : "as set";
}

// What is judged, and by what.
struct Judged {
  std::string id;  // "": not clear, told by then
  const Evaluator* evaluator = nullptr;
};

Judged named_component(const EvalOptions& options, const PipelineSpecification& specification,
                       Diagnostics& found) {
  std::vector<std::string> ids;
  for (const ComponentSpecification& component : specification.components) {
    ids.push_back(component.id);
    if (component.id != options.component) continue;
    // Rows of other components (a computed score, say) are judged as a detector's are.
    const Evaluator* evaluator = evaluator_of(component.type.value);
    return {component.id, evaluator != nullptr ? evaluator : evaluators().data()};
  }
  std::string remedy = did_you_mean(options.component, ids);
  if (remedy.empty()) remedy = "the file has " + enumerate(ids);
  found.error(specification.place, "", "there is no component " + quote(options.component),
              std::move(remedy));
  return {};
}

Judged judged_component(const EvalOptions& options, const PipelineSpecification& specification,
                        Diagnostics& found) {
  if (!options.component.empty()) return named_component(options, specification, found);
  std::vector<std::string> candidates;
  Judged judged;
  for (const ComponentSpecification& component : specification.components) {
    const Evaluator* evaluator = evaluator_of(component.type.value);
    if (evaluator == nullptr) continue;
    candidates.push_back(component.id);
    judged = {component.id, evaluator};
  }
  if (candidates.size() == 1) return judged;
  if (candidates.empty()) {
    std::vector<std::string> types;
    for (const Evaluator& evaluator : evaluators()) types.emplace_back(evaluator.judged);
    found.error(specification.place, "",
                "no component has a type that can be judged: " + enumerate(types, "or"),
                "name the one whose rows have score and is_anomaly with --component");
  } else {
    found.error(specification.place, "",
                "there are several components to judge: " + enumerate(candidates),
                "choose one with --component");
  }
  return {};
}

ComponentSpecification evaluation_sink(const EvalOptions& options, const Evaluator& evaluator,
                                       const ComponentSpecification& judged) {
  InputReference reference;
  reference.component = judged.id;
  ComponentSpecification sink = tool_sink(evaluator.sink, kEvaluationId, std::move(reference));
  for (const char* const name : evaluator.shared_options) {
    if (const Value* value = find(judged.options, name)) {
      sink.options.push_back({name, value->place, *value});
    }
  }
  const auto set = [&](const char* name, std::string text) {
    sink.options.push_back({name, {}, Value{{}, std::move(text)}});
  };
  if (!options.labels.empty()) set("labels", options.labels);
  if (options.grace) set("grace", std::to_string(*options.grace) + "ns");
  return sink;
}

LoadedPipeline load(const EvalOptions& options, const Settings& settings,
                    const Evaluator*& evaluator) {
  Diagnostics found;
  LoadSettings load_settings;
  load_settings.parameters = settings;
  PipelineSpecification read = load_pipeline(options.file, found, load_settings);
  const Judged judged = judged_component(options, read, found);
  if (judged.evaluator != nullptr && !judged.evaluator->has_labels &&
      (!options.labels.empty() || options.grace)) {
    found.error(
        read.place, "",
        "--labels and --grace are for detectors of anomalies, and " + quote(judged.id) + " is none",
        "leave them out: each click is the label of the list before it");
  }
  found.throw_if_errors();
  evaluator = judged.evaluator;
  return load_changed_pipeline(
      std::move(read), std::move(found), options.plugin_path,
      [&](PipelineSpecification& specification, const Registry&, Diagnostics&) {
        keep_what_leads_to(judged.id, specification);
        const ComponentSpecification* component = specification.find(judged.id);
        if (component == nullptr) return;  // told by then
        ComponentSpecification sink = evaluation_sink(options, *judged.evaluator, *component);
        specification.components.push_back(std::move(sink));
      });
}

struct Evaluated {
  Settings settings;
  const Evaluator* evaluator = nullptr;
  std::vector<std::optional<double>> figures;  // as the evaluator has them
};

// A figure that there is none of is NaN.
void read_figures(CommandRun& run, Evaluated& evaluated) {
  evaluated.figures.resize(evaluated.evaluator->figures.size());
  const ComponentLedger* ledger = run.pipeline().ledger().find_component(kEvaluationId);
  if (ledger == nullptr) return;
  const ComponentMetrics& metrics = run.metrics().component(ledger->info());
  for (std::size_t i = 0; i < evaluated.figures.size(); ++i) {
    const char* const name = evaluated.evaluator->figures[i].name;
    const auto value = metrics.plugin_gauge(std::string("evaluate_") + name);
    if (value && !std::isnan(*value)) evaluated.figures[i] = value;
  }
}

// Rows that failed are judged by nobody, and here nobody else tells of them.
void tell_failed_rows(CommandRun& run, const std::string& file) {
  for (const ComponentLedger* component : run.pipeline().ledger().components()) {
    const LedgerDelta totals = component->totals();
    for (const auto& [reason, rows] : totals.errors.entries()) {
      if (rows == 0) continue;
      fmt::print(stderr,
                 "flowrun: {} rows failed in '{}' as {}, and count for nothing; 'flowrun {}' tells "
                 "of them\n",
                 rows, component->info().id, *reason, file);
    }
  }
}

// Columns that no run has a figure for are left out.
void print_table(const std::vector<Evaluated>& all, const std::vector<ParameterSetting>& asked) {
  std::vector<std::vector<std::string>> rows(all.size() + 1);
  rows[0].emplace_back("setting");
  for (std::size_t i = 0; i < all.size(); ++i) {
    rows[i + 1].push_back(words_of(all[i].settings, asked));
  }
  const std::span<const EvaluatedFigure> figures = all.front().evaluator->figures;
  for (std::size_t c = 0; c < figures.size(); ++c) {
    const bool any = std::any_of(all.begin(), all.end(), [c](const Evaluated& evaluated) {
      return evaluated.figures[c].has_value();
    });
    if (!any) continue;
    rows[0].emplace_back(figures[c].title);
    for (std::size_t i = 0; i < all.size(); ++i) {
      rows[i + 1].push_back(shown(figures[c], all[i].figures[c]));
    }
  }
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      std::size_t width = 0;
      for (const std::vector<std::string>& other : rows) width = std::max(width, other[c].size());
      line +=
          c == 0 ? fmt::format("{:<{}}", row[c], width) : fmt::format("  {:>{}}", row[c], width);
    }
    fmt::print("{}\n", line);
  }
}

void print_json(const std::vector<Evaluated>& all) {
  JsonText json;
  json.begin_array();
  for (const Evaluated& evaluated : all) {
    json.begin_object().key("settings").begin_object();
    for (const ParameterSetting& setting : evaluated.settings) {
      json.key(setting.name).value(setting.value);
    }
    json.end_object();
    for (std::size_t c = 0; c < evaluated.figures.size(); ++c) {
      const std::optional<double>& figure = evaluated.figures[c];
      if (!figure || !std::isfinite(*figure)) continue;
      json.key(evaluated.evaluator->figures[c].name).value(*figure);
    }
    json.end_object();
  }
  fmt::print("{}", json.end_array().take());
}

int eval(const EvalOptions& options) {
  const std::vector<Settings> runs = combinations(options.parameters);
  if (runs.size() > kMostRuns) {
    complain(fmt::format("--set asks for {} runs, more than {}", runs.size(), kMostRuns));
    return kUsage;
  }
  std::vector<Evaluated> all;
  for (const Settings& settings : runs) {
    Evaluated evaluated;
    evaluated.settings = settings;
    ToolRun tool;
    tool.parallelism = options.parallelism;
    tool.load = [&] { return load(options, settings, evaluated.evaluator); };
    tool.report = [&](CommandRun& run, double) {
      read_figures(run, evaluated);
      tell_failed_rows(run, options.file);
    };
    const int code = run_tool(tool);
    if (code != kSuccess) return code;
    all.push_back(std::move(evaluated));
  }
  if (options.json) {
    print_json(all);
  } else {
    print_table(all, options.parameters);
  }
  return kSuccess;
}

}  // namespace

void add_eval(CLI::App& program, int& exit_code) {
  CLI::App* command =
      program.add_subcommand("eval", "Measure how well a pipeline detects anomalies or recommends");
  auto options = std::make_shared<EvalOptions>();
  command->add_option("FILE", options->file, "The pipeline file")->required()->option_text(" ");
  command
      ->add_option("--labels", options->labels,
                   "When something was wrong: NAB's combined_windows.json, or CSV with the columns "
                   "series, start, end and perhaps kind. Without it labels are the fields fault "
                   "and incident of the rows")
      ->option_text("FILE");
  command
      ->add_option(
          "--component", options->component,
          "Whose rows are judged; by default the component of the type detect_anomaly or recommend")
      ->option_text("ID");
  add_quantity(*command, "--grace", options->grace, parse_duration, 0,
               "How long behind its end an incident may still be found (by default 5m)")
      ->type_name("TIME");
  command
      ->add_option("--parallelism", options->parallelism,
                   "Worker threads, instead of what the file says")
      ->check(CLI::Range(1, 1024))
      ->option_text("N");
  add_set(*command, options->parameters);
  command->add_flag("--json", options->json, "The figures as one JSON document");
  add_plugin_path(*command, options->plugin_path);
  command->footer(
      "Runs what leads to the component, with a sink that judges its rows in the place of the\n"
      "file's sinks. Of a detector (sink `evaluate`) it prints how many incidents were found, how\n"
      "late, and how many alarms were false; of `recommend` (sink `score_recommendations`) how\n"
      "often, and how far up, the next item was in the list: HR@20 and MRR@20. With several "
      "values\n"
      "for a parameter, and commas between them, it runs once for each, or for each combination,\n"
      "and prints a line for each. Columns: 'flowrun inspect evaluate'.\n\n"
      "Examples:\n"
      "  flowrun eval pipelines/iot.toml\n"
      "  flowrun eval nab.toml --labels combined_windows.json\n"
      "  flowrun eval nab.toml --labels labels.csv --set method=range_quad,ewma --set "
      "hold=30,60\n"
      "  flowrun eval pipelines/recommendations.toml --set clicks=clicks.csv --set "
      "model=sr,vmis\n");
  command->callback([options, &exit_code] { exit_code = eval(*options); });
}

}  // namespace flowrun::cli
