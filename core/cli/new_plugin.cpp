// flowrun new plugin: a project that builds, passes its tests and is there to be changed.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "core/cli/command.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/new.hpp"
#include "core/cli/new_plugin_templates.hpp"
#include "core/config/names.hpp"

namespace flowrun::cli {
namespace {

constexpr std::size_t kLongestName = 64;

// Names of CMake's own targets, and one that the test program's would meet.
constexpr std::array<std::string_view, 12> kTakenNames = {
    "all",  "clean",   "default_target", "depend",     "edit_cache",    "flow",
    "help", "install", "package",        "preinstall", "rebuild_cache", "test"};

struct NewPluginOptions {
  std::string name;
  std::filesystem::path directory = ".";
};

// Empty, or what is wrong with the name.
std::string name_problem(const std::string& name) {
  const bool well_formed = !name.empty() && name.size() <= kLongestName && name.front() >= 'a' &&
                           name.front() <= 'z' && std::all_of(name.begin(), name.end(), [](char c) {
                             return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                           });
  if (!well_formed) {
    return quote(name) +
           " is no name for a plugin: it takes up to 64 small letters, digits and "
           "'_', and begins with a letter, such as 'rain_gauge'";
  }
  if (std::find(kTakenNames.begin(), kTakenNames.end(), name) != kTakenNames.end()) {
    return quote(name) + " is a name that CMake uses itself; choose another one";
  }
  return {};
}

// "rain_gauge" -> "RainGauge"
std::string class_name(const std::string& name) {
  std::string result;
  bool begins = true;
  for (const char c : name) {
    if (c == '_') {
      begins = true;
      continue;
    }
    result += begins && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    begins = false;
  }
  return result;
}

std::string filled_in(std::string_view text, const std::string& name) {
  const std::string version(FLOWRUN_VERSION);
  const std::array<std::pair<std::string_view, std::string>, 3> values = {
      {{"@NAME@", name},
       {"@CLASS@", class_name(name)},
       {"@VERSION@", version.substr(0, version.rfind('.'))}}};
  std::string result(text);
  for (const auto& [placeholder, value] : values) {
    for (std::size_t at = result.find(placeholder); at != std::string::npos;
         at = result.find(placeholder, at + value.size())) {
      result.replace(at, placeholder.size(), value);
    }
  }
  return result;
}

// Throws std::filesystem::filesystem_error or std::system_error.
void write_project(const std::filesystem::path& project, const std::string& name) {
  for (const TemplateFile& file : kPluginTemplates) {
    const std::filesystem::path path = project / filled_in(file.path, name);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary);
    out << filled_in(file.content, name);
    out.close();
    if (!out) {
      throw std::system_error(errno, std::generic_category(), path.string() + " cannot be written");
    }
  }
}

int new_plugin(const NewPluginOptions& options) {
  const std::string problem = name_problem(options.name);
  if (!problem.empty()) {
    complain(problem);
    return kUsage;
  }
  const std::filesystem::path project = (options.directory / options.name).lexically_normal();
  std::error_code error;
  if (std::filesystem::exists(project, error)) {
    complain(quote(project.string()) +
             " exists already and is left as it is; choose another name, or another folder with "
             "--directory");
    return kUsage;
  }
  try {
    write_project(project, options.name);
  } catch (const std::system_error& failure) {
    complain(failure.what());
    return kUnavailable;
  }
  fmt::print(
      "{0} is there. To build and test it:\n"
      "\n"
      "  cd {0}\n"
      "  cmake -S . -B build -G Ninja && cmake --build build && ctest --test-dir build\n"
      "\n"
      "Its operator is in src/{1}.cpp, what to do next in README.md.\n",
      project.string(), options.name);
  return kSuccess;
}

}  // namespace

void add_new_plugin(CLI::App& command, int& exit_code) {
  CLI::App* plugin =
      command.add_subcommand("plugin", "Write a plugin project that builds and passes its tests");
  auto options = std::make_shared<NewPluginOptions>();
  plugin
      ->add_option("NAME", options->name,
                   "Of the plugin, its operator and its folder: small letters, digits and '_'")
      ->required()
      ->type_name("");
  plugin
      ->add_option("--directory", options->directory,
                   "Where the folder NAME is made; the working directory, if left out")
      ->option_text("DIR");
  plugin->footer(
      "The project is built against the installed SDK: CMake finds it by find_package(flow-sdk).\n"
      "Example:\n"
      "  flowrun new plugin rain_gauge\n");
  plugin->callback([options, &exit_code] { exit_code = new_plugin(*options); });
}

}  // namespace flowrun::cli
