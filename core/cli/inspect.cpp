// flowrun inspect: which operators there are, and what each can do. Nothing is created to tell it.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/cli/choice_option.hpp"
#include "core/cli/command.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/operator_page.hpp"
#include "core/config/names.hpp"
#include "core/config/specification.hpp"
#include "core/plugin/search_path.hpp"

namespace flowrun::cli {
namespace {

struct InspectOptions {
  std::string name;  // empty: all
  flow_kind kind = 0;
  bool json = false;
  std::vector<std::filesystem::path> plugin_path;
};

std::vector<OfferedOperator> matching(const Registry& registry, const InspectOptions& options) {
  std::vector<OfferedOperator> found;
  for (const OfferedOperator& offered : registry.operators()) {
    if (options.name != offered.descriptor->name) continue;
    if (options.kind != 0 && options.kind != offered.descriptor->kind) continue;
    found.push_back(offered);
  }
  return found;
}

int complain_of_unknown(const Registry& registry, const InspectOptions& options) {
  std::vector<std::string> names = {"pipeline"};
  std::vector<std::string> kinds;  // in which the name is offered
  for (const OfferedOperator& offered : registry.operators()) {
    names.emplace_back(offered.descriptor->name);
    if (names.back() == options.name) kinds.emplace_back(kind_name(offered.descriptor->kind));
  }
  const std::string wanted = options.kind == 0 ? "operator" : std::string(kind_name(options.kind));
  std::string remedy = "'flowrun inspect' lists all";
  if (!kinds.empty()) {
    remedy = "it is offered as " + enumerate(kinds);
  } else if (const std::string meant = did_you_mean(options.name, names); !meant.empty()) {
    remedy = meant;
  }
  complain(fmt::format("there is no {} {}; {}", wanted, quote(options.name), remedy));
  return kUsage;
}

int inspect(const InspectOptions& options) {
  if (options.name == "pipeline") {
    fmt::print("{}", options.json ? pipeline_page_json() : pipeline_page());
    return kSuccess;
  }
  Registry registry(plugin_search_folders(options.plugin_path));
  const std::vector<PluginError> refused = registry.load_all();
  for (const PluginError& error : refused) complain(error.what());
  if (registry.libraries().empty()) {
    complain("no plugin was found in " + registry.searched() +
             "; name its folder with --plugin-path or in FLOWRUN_PLUGIN_PATH");
    return kConfigurationError;
  }
  if (options.name.empty()) {
    fmt::print("{}", options.json ? operator_list_json(registry) : operator_list(registry));
  } else {
    const std::vector<OfferedOperator> found = matching(registry, options);
    if (found.empty()) return complain_of_unknown(registry, options);
    fmt::print("{}", options.json ? operator_pages_json(found) : operator_pages(found));
  }
  return refused.empty() ? kSuccess : kConfigurationError;
}

}  // namespace

void add_inspect(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand("inspect", "List operators, or show one's page");
  auto options = std::make_shared<InspectOptions>();
  command
      ->add_option("NAME", options->name,
                   "An operator, or 'pipeline' for the settings of the [pipeline] table; all "
                   "operators, if left out")
      ->type_name("");
  add_choice(*command, "--kind", options->kind,
             {{"source", FLOW_SOURCE},
              {"transform", FLOW_TRANSFORM},
              {"window", FLOW_WINDOW},
              {"sink", FLOW_SINK},
              {"codec", FLOW_CODEC}},
             "source|transform|window|sink|codec",
             "Only this kind, where one name is offered in several (file: source and sink)");
  command->add_flag("--json", options->json, "As JSON");
  add_plugin_path(*command, options->plugin_path);
  command->footer(
      "Examples:\n"
      "  flowrun inspect\n"
      "  flowrun inspect geoip\n"
      "  flowrun inspect file --kind sink --json\n"
      "Exit codes: 0; 64 there is no such operator; 78 no plugin was found, or one was refused.\n");
  command->callback([options, &exit_code] { exit_code = inspect(*options); });
}

}  // namespace flowrun::cli
