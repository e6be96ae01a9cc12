// flowrun docs: everything that is written from what operators and commands say of themselves.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/cli/command.hpp"
#include "core/cli/command_facts.hpp"
#include "core/cli/completion.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/man_page.hpp"
#include "core/cli/pipeline_schema.hpp"
#include "core/cli/reference_page.hpp"
#include "core/cli/written_file.hpp"
#include "core/config/file_text.hpp"
#include "core/plugin/search_path.hpp"

namespace flowrun::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestPage = std::size_t{64} << 20;

struct DocsOptions {
  fs::path directory = ".";
  std::vector<fs::path> plugin_path;
  bool check = false;
};

struct Page {
  fs::path file;  // relative to the directory
  std::string text;
};

std::vector<Page> pages_of(const Registry& registry, const CommandFacts& program) {
  std::vector<Page> pages;
  for (const PluginLibrary* library : registry.libraries()) {
    pages.push_back({fs::path("plugins") / library->file().stem() / "REFERENCE.md",
                     plugin_reference(*library)});
  }
  pages.push_back({"docs/reference/README.md", reference_index(registry)});
  pages.push_back({"docs/reference/pipeline.md", pipeline_reference()});
  pages.push_back({"docs/pipeline.schema.json", pipeline_schema(registry)});
  pages.push_back({"docs/man/flowrun.1", man_page(program)});
  pages.push_back({"docs/completion/flowrun", bash_completion(program)});
  return pages;
}

// Reference pages of plugins that there are no more.
std::vector<fs::path> leftovers(const fs::path& directory, const std::vector<Page>& pages) {
  std::vector<fs::path> left;
  std::error_code error;
  for (const auto& plugin : fs::directory_iterator(directory / "plugins", error)) {
    const fs::path page = fs::path("plugins") / plugin.path().filename() / "REFERENCE.md";
    const bool wanted = std::any_of(pages.begin(), pages.end(),
                                    [&](const Page& known) { return known.file == page; });
    if (!wanted && fs::exists(directory / page, error)) left.push_back(page);
  }
  return left;
}

int check(const fs::path& directory, const std::vector<Page>& pages) {
  std::size_t stale = 0;
  for (const Page& page : pages) {
    const FileText there = read_file_text(directory / page.file, kLargestPage);
    if (there.problem.empty() && there.text == page.text) continue;
    fmt::print("{}: {}\n", page.file.string(), there.problem.empty() ? "is stale" : there.problem);
    ++stale;
  }
  for (const fs::path& page : leftovers(directory, pages)) {
    fmt::print("{}: there is no such plugin\n", page.string());
    ++stale;
  }
  if (stale == 0) return kSuccess;
  complain(
      fmt::format("{} page{} not as 'flowrun docs' writes {}; run it in the folder that holds "
                  "docs/ and plugins/",
                  stale, stale == 1 ? " is" : "s are", stale == 1 ? "it" : "them"));
  return kPipelineFailed;
}

int write(const fs::path& directory, const std::vector<Page>& pages) {
  try {
    for (const Page& page : pages) {
      const FileText there = read_file_text(directory / page.file, kLargestPage);
      if (there.problem.empty() && there.text == page.text) continue;
      write_file(directory / page.file, page.text);
      fmt::print("{}\n", page.file.string());
    }
    for (const fs::path& page : leftovers(directory, pages)) {
      complain(page.string() + " is left as it is: there is no such plugin; is it built?");
    }
  } catch (const std::system_error& error) {
    complain(error.what());
    return kUnavailable;
  }
  return kSuccess;
}

int docs(const DocsOptions& options, const CLI::App& program) {
  Registry registry(plugin_search_folders(options.plugin_path));
  const std::vector<PluginError> refused = registry.load_all();
  for (const PluginError& error : refused) complain(error.what());
  if (registry.libraries().empty()) {
    complain("no plugin was found in " + registry.searched() +
             "; name its folder with --plugin-path or in FLOWRUN_PLUGIN_PATH");
  }
  if (!refused.empty() || registry.libraries().empty()) return kConfigurationError;
  const std::vector<Page> pages = pages_of(registry, command_facts(program));
  return options.check ? check(options.directory, pages) : write(options.directory, pages);
}

}  // namespace

void add_docs(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand(
      "docs", "Write the reference pages, the editor schema, the man page and the completion");
  auto options = std::make_shared<DocsOptions>();
  command
      ->add_option("--directory", options->directory,
                   "Where docs/ and plugins/ are written; the working directory, if left out")
      ->option_text("DIR");
  command->add_flag("--check", options->check,
                    "Write nothing; name the pages that are stale, and exit 1 if there are any");
  add_plugin_path(*command, options->plugin_path);
  command->footer(
      "From the operators of all plugins that are found, and from the commands' own help:\n"
      "  plugins/NAME/REFERENCE.md   the operators of each plugin\n"
      "  docs/reference/             all operators by kind; the keys of a pipeline file\n"
      "  docs/pipeline.schema.json   the JSON Schema of pipeline files, for editors\n"
      "  docs/man/flowrun.1          the manual page\n"
      "  docs/completion/flowrun     completion for bash\n"
      "Exit codes: 0; 1 with --check, something is stale; 69 a page cannot be written; 78 no\n"
      "plugin was found, or one was refused.\n"
      "Examples:\n"
      "  flowrun docs\n"
      "  flowrun docs --check\n"
      "  flowrun docs --directory my-plugin --plugin-path my-plugin/build\n");
  command->callback([options, &program, &exit_code] { exit_code = docs(*options, program); });
}

}  // namespace flowrun::cli
