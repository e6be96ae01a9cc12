// flowrun fmt: pipeline files in one layout.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/cli/command.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/loaded_pipeline.hpp"
#include "core/cli/written_file.hpp"
#include "core/config/file_text.hpp"
#include "core/config/loader.hpp"
#include "core/config/toml_format.hpp"

namespace flowrun::cli {
namespace {

struct FormatOptions {
  std::vector<std::filesystem::path> files;
  bool check = false;
};

// The first line, from 1, in which the two differ.
std::size_t first_difference(std::string_view a, std::string_view b) {
  const auto at = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return 1 + static_cast<std::size_t>(std::count(a.begin(), at, '\n'));
}

// 0, or what is wrong with the file.
int format_file(const std::filesystem::path& file, bool check) {
  const bool standard = file == "-";
  const FileText content =
      read_file_text(standard ? std::filesystem::path("/dev/stdin") : file, kLargestPipelineFile);
  if (!content.problem.empty()) {
    complain(file.string() + ' ' + content.problem);
    return kUnavailable;
  }
  std::string formatted;
  try {
    formatted = format_toml(content.text, standard ? "stdin" : file.string());
  } catch (const ConfigurationError& error) {
    print_diagnostics(error.diagnostics());
    return kConfigurationError;
  } catch (const std::logic_error& error) {
    complain(file.string() + ' ' + error.what() + "; it is left as it is");
    return kInternalError;
  }
  if (check) {
    if (formatted == content.text) return kSuccess;
    fmt::print("{}:{}: is not as 'flowrun fmt' writes it\n", file.string(),
               first_difference(content.text, formatted));
    return kPipelineFailed;
  }
  if (standard) {
    fmt::print("{}", formatted);
    return kSuccess;
  }
  if (formatted == content.text) return kSuccess;
  try {
    write_file(file, formatted);
  } catch (const std::system_error& error) {
    complain(error.what());
    return kUnavailable;
  }
  fmt::print("{}\n", file.string());
  return kSuccess;
}

int format(const FormatOptions& options) {
  int worst = kSuccess;
  for (const std::filesystem::path& file : options.files) {
    worst = std::max(worst, format_file(file, options.check));
  }
  return worst;
}

}  // namespace

void add_fmt(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand("fmt", "Lay pipeline files out in one way");
  auto options = std::make_shared<FormatOptions>();
  command
      ->add_option("FILE", options->files,
                   "Pipeline files, which are written anew; '-' formats standard input to standard "
                   "output")
      ->required()
      ->option_text("...");
  command->add_flag("--check", options->check,
                    "Write nothing; name the files that would change, and exit 1 if there are any");
  command->footer(
      "Spaces, blank lines, lists and comments get one layout. The order of keys, the words of\n"
      "comments and the spelling of values stay; a file whose meaning would change is left alone,\n"
      "which is checked every time. Names of files that were changed are printed.\n"
      "Exit codes: 0; 1 with --check, something would change; 69 a file cannot be read or "
      "written;\n"
      "78 a file is not TOML.\n"
      "Examples:\n"
      "  flowrun fmt pipelines/*.toml\n"
      "  flowrun fmt --check pipelines/*.toml\n");
  command->callback([options, &exit_code] { exit_code = format(*options); });
}

}  // namespace flowrun::cli
