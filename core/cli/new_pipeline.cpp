// flowrun new pipeline: a pipeline file that runs and is there to be changed.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/cli/command.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/new.hpp"
#include "core/cli/new_pipeline_templates.hpp"
#include "core/cli/written_file.hpp"
#include "core/config/names.hpp"

namespace flowrun::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestName = 64;
constexpr std::string_view kPlaceholder = "@NAME@";

struct NewPipelineOptions {
  std::string name;
  std::string template_name;
  fs::path directory = ".";
  bool list = false;
};

std::vector<std::string> template_names() {
  std::vector<std::string> names;
  for (const PipelineTemplate& known : pipeline_templates()) names.emplace_back(known.name);
  return names;
}

bool is_good_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
         });
}

void list_templates() {
  for (const PipelineTemplate& known : pipeline_templates()) {
    fmt::print("  {:<14} {}\n", known.name, known.summary);
  }
}

std::string filled_in(std::string_view text, const std::string& name) {
  std::string result(text);
  for (std::size_t at = result.find(kPlaceholder); at != std::string::npos;
       at = result.find(kPlaceholder, at + name.size())) {
    result.replace(at, kPlaceholder.size(), name);
  }
  return result;
}

int new_pipeline(NewPipelineOptions options) {
  if (options.list) {
    list_templates();
    return kSuccess;
  }
  if (options.name.size() > 5 && options.name.ends_with(".toml")) {
    options.name.resize(options.name.size() - 5);
  }
  if (!is_good_name(options.name)) {
    complain(quote(options.name) +
             " is no name for a pipeline: it takes up to 64 letters, digits, '_' and '-', such as "
             "'web-errors'");
    return kUsage;
  }
  const auto templates = pipeline_templates();
  const auto chosen =
      std::find_if(templates.begin(), templates.end(), [&](const PipelineTemplate& known) {
        return options.template_name.empty() || known.name == options.template_name;
      });
  if (chosen == templates.end()) {
    const std::vector<std::string> names = template_names();
    std::string remedy = did_you_mean(options.template_name, names);
    if (remedy.empty()) remedy = "there are " + enumerate(names);
    complain("there is no template " + quote(options.template_name) + "; " + remedy);
    return kUsage;
  }
  const fs::path file = (options.directory / (options.name + ".toml")).lexically_normal();
  std::error_code error;
  if (fs::exists(file, error)) {
    complain(quote(file.string()) +
             " exists already and is left as it is; choose another name, or another folder with "
             "--directory");
    return kUsage;
  }
  try {
    write_file(file, filled_in(chosen->text, options.name));
  } catch (const std::system_error& failure) {
    complain(failure.what());
    return kUnavailable;
  }
  fmt::print(
      "{0} is there, from the template {1}: {2}.\n"
      "Its first lines say how to run it, its comments what to change.\n"
      "\n"
      "  flowrun validate {0} --no-environment\n"
      "  flowrun graph {0}\n",
      file.string(), chosen->name, chosen->summary);
  return kSuccess;
}

}  // namespace

void add_new_pipeline(CLI::App& command, int& exit_code) {
  CLI::App* pipeline =
      command.add_subcommand("pipeline", "Write a pipeline file from a template, with comments");
  auto options = std::make_shared<NewPipelineOptions>();
  CLI::Option* name =
      pipeline
          ->add_option("NAME", options->name,
                       "Of the pipeline and its file NAME.toml: letters, digits, '_' and '-'")
          ->type_name("");
  std::string names;
  for (const std::string& known : template_names()) names.append(names.empty() ? "" : "|") += known;
  pipeline
      ->add_option("--template", options->template_name,
                   "What to begin with; --list says what each one does")
      ->option_text(names + "  [" + template_names().front() + "]");
  pipeline
      ->add_option("--directory", options->directory,
                   "Where NAME.toml is made; the working directory, if left out")
      ->option_text("DIR");
  pipeline->add_flag("--list", options->list, "List the templates, and write nothing");
  std::string known = "Templates:\n";
  for (const PipelineTemplate& each : pipeline_templates()) {
    known += fmt::format("  {:<14} {}\n", each.name, each.summary);
  }
  pipeline->footer(
      known +
      "Their paths and limits are [parameters]: --set changes them without touching the file.\n"
      "Exit codes: 0; 64 the name is taken or none, or there is no such template; 69 the file\n"
      "cannot be written.\n"
      "Examples:\n"
      "  flowrun new pipeline web-errors --template tail-filter\n"
      "  flowrun new pipeline --list\n");
  pipeline->callback([options, name, &exit_code] {
    if (!options->list && name->count() == 0) throw CLI::RequiredError("NAME");
    exit_code = new_pipeline(*options);
  });
}

}  // namespace flowrun::cli
