// flowrun validate: everything about a pipeline file that can be known without running it.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/cli/command.hpp"
#include "core/cli/environment_check.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/loaded_pipeline.hpp"
#include "core/config/loader.hpp"
#include "core/config/names.hpp"
#include "core/graph/known_schemas.hpp"
#include "core/graph/plan.hpp"
#include "core/graph/trial.hpp"
#include "core/observe/log.hpp"
#include "core/plugin/search_path.hpp"

namespace flowrun::cli {
namespace {

struct ValidateOptions {
  std::vector<std::filesystem::path> files;
  std::vector<std::filesystem::path> plugin_path;
  std::vector<ParameterSetting> parameters;
  bool no_environment = false;
  bool schemas = false;
  bool strict = false;
};

void tick(bool good, const char* tier, const std::string& detail) {
  fmt::print("  {} {:<12} {}\n", good ? "✓" : "✗", tier, detail);
  std::fflush(stdout);
}

void skip(const char* tier, const std::string& why) {
  fmt::print("  - {:<12} {}\n", tier, why);
  std::fflush(stdout);
}

std::string count(std::size_t n, const char* what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

// The tier's tick, and its problems, if there are any. `strict`: warnings are errors.
bool tell(const Diagnostics& found, bool strict, const char* tier,
          const std::string& detail_if_good) {
  std::vector<Diagnostic> problems = found.sorted();
  if (strict) {
    for (Diagnostic& problem : problems) problem.severity = Severity::kError;
  }
  const std::size_t errors = strict ? problems.size() : found.error_count();
  const std::size_t warnings = problems.size() - errors;
  std::string detail = errors == 0 ? detail_if_good : count(errors, "error");
  if (warnings > 0) detail.append(", ").append(count(warnings, "warning"));
  tick(errors == 0, tier, detail);
  print_diagnostics(problems);
  return errors == 0;
}

std::string plugin_names(const Registry& registry) {
  std::vector<std::string> names;
  for (const PluginLibrary* library : registry.libraries()) {
    names.push_back(library->file().stem().string() + ' ' + library->plugin().version);
  }
  return names.empty() ? "none" : enumerate(names);
}

// Which components make the output depend on the run, and on what: those of the operators' traits,
// and those of what stands in their options.
void tell_traits(const BoundPipeline& pipeline, const std::vector<Dependence>& dependences) {
  bool none = dependences.empty();
  for (std::size_t i = 0; i < pipeline.components.size(); ++i) {
    const std::uint64_t traits = pipeline.components[i].descriptor().traits;
    std::vector<std::string> depends;
    if ((traits & FLOW_CLOCK_DEPENDENT) != 0) depends.emplace_back("clock_dependent");
    if ((traits & FLOW_ORDER_DEPENDENT) != 0) depends.emplace_back("order_dependent");
    if (depends.empty()) continue;
    none = false;
    const ComponentSpecification& component = pipeline.specification.components[i];
    fmt::print("    {} ({}) is {}: its result may differ from run to run\n", component.key_path(),
               component.type.value, enumerate(depends));
  }
  for (const Dependence& dependence : dependences) {
    const std::string why = dependence.why.to_string();
    if ((dependence.traits & FLOW_CLOCK_DEPENDENT) != 0) {
      fmt::print("    results depend on the clock: {}\n", why);
    }
    if ((dependence.traits & FLOW_ORDER_DEPENDENT) != 0) {
      fmt::print("    results depend on the order of arrival: {}\n", why);
    }
  }
  if (none) {
    fmt::print(
        "    no operator depends on the clock or on arrival order: the result does not "
        "depend on the run\n");
  }
}

// What leaves each output, for --schemas.
void print_schemas(const BoundPipeline& pipeline, const PortSchemas& schemas) {
  for (const std::size_t index : pipeline.order) {
    const ComponentSpecification& component = pipeline.specification.components[index];
    const flow_descriptor& descriptor = pipeline.components[index].descriptor();
    for (std::uint32_t port = 0; port < descriptor.n_outputs; ++port) {
      const std::string name = descriptor.outputs[port]->name;
      if (name == "errors" || component.id == kDeadLetterId) continue;
      const auto known = schemas.find({index, port});
      fmt::print("    {}{}: {}\n", component.id, name == "out" ? "" : '.' + name,
                 to_string(known != schemas.end() ? known->second : KnownSchema()));
    }
  }
}

// What the components infer of their columns, and the mistakes in options that this shows.
bool validate_schemas(const BoundPipeline& pipeline, const Trial& trial,
                      const ValidateOptions& options, std::vector<Dependence>& dependences) {
  Diagnostics found;
  InferredSchemas inferred = infer_schemas(pipeline, trial, found);
  const bool good =
      tell(found, options.strict, "schemas", "columns and types, as far as they are known");
  if (options.schemas) print_schemas(pipeline, inferred.ports);
  dependences = std::move(inferred.dependences);
  return good;
}

bool validate_environment(const BoundPipeline& pipeline, Trial& trial) {
  const std::vector<std::string> problems = environment_problems(pipeline, trial);
  tick(problems.empty(), "environment",
       problems.empty() ? "components can be opened (sinks: created, not opened)"
                        : count(problems.size(), "error"));
  for (const std::string& problem : problems) fmt::print(stderr, "{}\n", problem);
  return problems.empty();
}

bool validate_file(const std::filesystem::path& file, const ValidateOptions& options) {
  fmt::print("{}\n", file.string());
  Diagnostics in_file;
  std::optional<PipelineSpecification> specification;
  try {
    LoadSettings settings;
    settings.parameters = options.parameters;
    specification = load_pipeline(file, in_file, settings);
  } catch (const ConfigurationError& error) {
    tick(false, "syntax", "cannot be read; nothing else was looked at");
    print_diagnostics(error.diagnostics());
    return false;
  }
  tick(true, "syntax", fmt::format("{} components", specification->components.size()));

  Registry registry(plugin_search_folders(options.plugin_path));
  Diagnostics of_plugins;
  const bool complete = load_plugins(*specification, registry, of_plugins);
  const SecretReading secrets =
      options.no_environment ? SecretReading::kLeaveOut : SecretReading::kRead;
  BoundPipeline bound = bind(std::move(*specification), registry, in_file, complete, {secrets});
  if (complete && !in_file.has_errors()) add_dead_letter_sink(bound, registry, in_file);

  bool good = tell(in_file, options.strict, "options", "names, types, ranges and wiring");
  good &= tell(of_plugins, options.strict, "plugins", plugin_names(registry));
  if (in_file.has_errors() || of_plugins.has_errors()) {
    skip("schemas", "not looked at because of the errors above");
    skip("environment", "not looked at because of the errors above");
    return false;
  }
  Trial trial(bound);
  std::vector<Dependence> dependences;
  good &= validate_schemas(bound, trial, options, dependences);
  if (options.no_environment) {
    skip("environment", "not looked at (--no-environment)");
  } else {
    good &= validate_environment(bound, trial);
  }
  tell_traits(bound, dependences);
  return good;
}

int validate(const ValidateOptions& options) {
  log::configure({log::Format::kText, log::Level::kError});
  bool good = true;
  for (const std::filesystem::path& file : options.files) good &= validate_file(file, options);
  return good ? kSuccess : kConfigurationError;
}

}  // namespace

void add_validate(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand("validate", "Check pipeline files without running");
  auto options = std::make_shared<ValidateOptions>();
  command->add_option("FILE", options->files, "Pipeline files")->required()->option_text("...");
  command->add_flag("--no-environment", options->no_environment,
                    "Look at nothing but the file and its plugins: no databases, inputs, secrets. "
                    "For a machine that is not the one it will run on");
  add_set(*command, options->parameters);
  command->add_flag("--schemas", options->schemas,
                    "Print the columns that leave each component, as far as they are known; ? is "
                    "not known, ... may be others beside");
  command->add_flag("--strict", options->strict,
                    "Treat warnings as errors: exit code 78 if there is one");
  add_plugin_path(*command, options->plugin_path);
  command->footer(
      "Five tiers, each with a tick:\n"
      "  syntax       the file is TOML\n"
      "  options      every name, type, range and connection is right\n"
      "  plugins      every plugin that the file names loads\n"
      "  schemas      options name columns that are there, of types that fit, where that is known\n"
      "               before a run; expressions are right\n"
      "  environment  every component can be made and, but for sinks, opened: databases, inputs,\n"
      "               secrets. Sinks are made only, since opening one creates its output\n"
      "All problems come at once, as file:line:col on stderr. What runs but hardly does what is\n"
      "meant, such as a field in an expression that no row has, is a warning. What makes results\n"
      "depend on the run is named: operators (clock_dependent, order_dependent), and expressions\n"
      "that call now().\n"
      "Exit codes: 0 everything is right, or there are warnings only; 78 something is wrong, or\n"
      "there is a warning and --strict.\n\n"
      "Examples:\n"
      "  flowrun validate pipelines/weblogs.toml\n"
      "  flowrun validate --schemas pipelines/weblogs.toml\n"
      "  flowrun validate --strict *.toml --no-environment\n");
  command->callback([options, &exit_code] { exit_code = validate(*options); });
}

}  // namespace flowrun::cli
