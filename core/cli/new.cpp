// flowrun new: something to begin with.
#include "core/cli/new.hpp"

#include <CLI/CLI.hpp>

#include "core/cli/command.hpp"

namespace flowrun::cli {

void add_new(CLI::App& program, int& exit_code) {
  CLI::App* command =
      program.add_subcommand("new", "Begin something: 'new pipeline NAME', 'new plugin NAME'");
  command->require_subcommand(1);
  command->footer(
      "Examples:\n"
      "  flowrun new pipeline web-errors --template tail-filter\n"
      "  flowrun new plugin rain_gauge\n"
      "Read on: 'flowrun new pipeline --help', 'flowrun new plugin --help'\n");
  add_new_pipeline(*command, exit_code);
  add_new_plugin(*command, exit_code);
}

}  // namespace flowrun::cli
