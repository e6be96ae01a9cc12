// flowrun: the command line's first step.
#include <fmt/core.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/cli/command.hpp"
#include "core/cli/exit_code.hpp"
#include "core/config/names.hpp"
#include "flow/abi.h"

namespace flowrun::cli {
namespace {

constexpr const char* kShortHelp =
    "flowrun runs data through the operators that a pipeline file names.\n"
    "\n"
    "  flowrun pipelines/weblogs.toml           run a pipeline\n"
    "  flowrun validate pipelines/weblogs.toml  check it without running it\n"
    "  flowrun graph pipelines/weblogs.toml     draw it\n"
    "  flowrun inspect [geoip]                  list all operators, or one's page\n"
    "  flowrun tap FILE PORT                    run it and show the rows of one port\n"
    "  flowrun bench FILE                       run it without output and measure it\n"
    "  flowrun eval FILE                        measure how well it detects anomalies\n"
    "  flowrun pipe 'A ! B ! C'                 run a pipeline written in one line\n"
    "  flowrun expr 'EXPR' [FILE]               try an expression on lines of JSON\n"
    "  flowrun new pipeline|plugin NAME         begin one from a template\n"
    "  flowrun state ls FOLDER                  look into a pipeline's checkpoints\n"
    "  flowrun --help                           everything else\n";

// Large blocks go back and forth between the pipeline and the heap all the time: keep them there
// instead of mapping and unmapping each. What the heap holds beyond is bounded by the trim
// threshold.
void tune_allocator() {
  constexpr int kThreshold = 64 << 20;  // bytes
  mallopt(M_MMAP_THRESHOLD, kThreshold);
  mallopt(M_TRIM_THRESHOLD, kThreshold);
}

std::string version_text() {
  return fmt::format("flowrun {} ({}, {}, plugin ABI {}.{})", FLOWRUN_VERSION, FLOWRUN_BUILD_TYPE,
                     FLOWRUN_COMPILER, FLOW_ABI_MAJOR, FLOW_ABI_MINOR);
}

std::vector<std::string> command_names(const CLI::App& program) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands(nullptr)) {
    names.push_back(command->get_name());
  }
  names.emplace_back("help");
  return names;
}

bool looks_like_file(const std::string& word) {
  std::error_code error;
  return word.find_first_of("/.") != std::string::npos || std::filesystem::exists(word, error);
}

// Puts "run" in front where it was left out. False: the first word is no command and no file.
bool complete_command(std::vector<std::string>& words, const std::vector<std::string>& commands) {
  const std::string first = words.front();
  const bool is_command = std::find(commands.begin(), commands.end(), first) != commands.end();
  if (is_command || first == "-h" || first == "--help" || first == "--version") return true;
  if (first.rfind('-', 0) != 0 && !looks_like_file(first)) {
    const std::string meant = did_you_mean(first, commands);
    complain("there is no command and no file " + quote(first) +
             (meant.empty() ? "" : "; " + meant));
    fmt::print(stderr, "'flowrun --help' lists the commands.\n");
    return false;
  }
  words.insert(words.begin(), "run");
  return true;
}

class HelpFormatter final : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* command, std::string name) const override {
    if (command->get_parent() != nullptr) return Formatter::make_usage(command, std::move(name));
    return "Usage: flowrun FILE [OPTIONS]\n       flowrun COMMAND [OPTIONS]\n";
  }
};

int run_command_line(std::vector<std::string> words) {
  if (words.empty()) {
    fmt::print(stderr, "{}", kShortHelp);
    return kUsage;
  }

  CLI::App program("Runs data through the operators that a pipeline file names.", "flowrun");
  int exit_code = kSuccess;
  program.set_version_flag("--version", version_text(), "Print the version and exit");
  program.set_help_flag("-h,--help", "Print this help, or that of a command, and exit");
  program.require_subcommand(1);
  program.formatter(std::make_shared<HelpFormatter>());
  program.failure_message([](const CLI::App*, const CLI::Error& error) {
    return fmt::format("flowrun: {}\n'flowrun --help' tells what there is.\n", error.what());
  });
  program.footer(
      std::string("Examples:\n") +
      "  flowrun pipelines/weblogs.toml\n"
      "  flowrun validate pipelines/weblogs.toml\n"
      "  flowrun graph pipelines/weblogs.toml --physical --format dot | dot -Tsvg\n"
      "  flowrun inspect geoip\n"
      "\n" +
      kExitCodeHelp +
      "\nPlugins are found in --plugin-path, in the folders of $FLOWRUN_PLUGIN_PATH, in\n"
      "`plugins` beside the program, and in ../lib/flowrun/plugins from there.\n"
      "Read on: 'flowrun COMMAND --help', 'flowrun inspect', docs/commands.md\n");
  add_run(program, exit_code);
  add_validate(program, exit_code);
  add_plan(program, exit_code);
  add_graph(program, exit_code);
  add_inspect(program, exit_code);
  add_new(program, exit_code);
  add_tap(program, exit_code);
  add_bench(program, exit_code);
  add_eval(program, exit_code);
  add_pipe(program, exit_code);
  add_expr(program, exit_code);
  add_fmt(program, exit_code);
  add_state(program, exit_code);
  add_docs(program, exit_code);

  if (!complete_command(words, command_names(program))) return kUsage;
  if (words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  std::reverse(words.begin(), words.end());  // as the parser wants them
  try {
    program.parse(words);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? kSuccess : kUsage;
  }
  return exit_code;
}

}  // namespace

void add_plugin_path(CLI::App& command, std::vector<std::filesystem::path>& folders) {
  command
      .add_option("--plugin-path", folders,
                  "A folder to look for plugins in, before all others; can be given several times")
      ->option_text("DIR")
      ->allow_extra_args(false);
}

void add_set(CLI::App& command, std::vector<ParameterSetting>& parameters) {
  command
      .add_option_function<std::vector<std::string>>(
          "--set",
          [&parameters](const std::vector<std::string>& words) {
            for (const std::string& word : words) {
              std::optional<ParameterSetting> setting = parse_parameter_setting(word);
              if (!setting) {
                throw CLI::ValidationError(
                    "--set", quote(word) + " is not NAME=VALUE, such as --set rows=1000");
              }
              parameters.push_back(*std::move(setting));
            }
          },
          "A value for a parameter of the file, instead of its default; can be given several times")
      ->option_text("NAME=VALUE")
      ->allow_extra_args(false);
}

void complain(std::string_view message) { fmt::print(stderr, "flowrun: {}\n", message); }

}  // namespace flowrun::cli

int main(int argc, char** argv) {
  flowrun::cli::tune_allocator();
  try {
    return flowrun::cli::run_command_line({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    flowrun::cli::complain(error.what());
    return flowrun::cli::kInternalError;
  }
}
