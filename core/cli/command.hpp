// The commands of the program. Each add_ function describes one to the command line's parser; when
// that command was asked for, it runs it and leaves its exit code in `exit_code`.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/parameters.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11 calls it so
class App;
}

namespace flowrun::cli {

void add_run(CLI::App& program, int& exit_code);
void add_validate(CLI::App& program, int& exit_code);
void add_plan(CLI::App& program, int& exit_code);
void add_graph(CLI::App& program, int& exit_code);
void add_inspect(CLI::App& program, int& exit_code);
void add_new(CLI::App& program, int& exit_code);
void add_tap(CLI::App& program, int& exit_code);
void add_bench(CLI::App& program, int& exit_code);
void add_eval(CLI::App& program, int& exit_code);
void add_pipe(CLI::App& program, int& exit_code);
void add_expr(CLI::App& program, int& exit_code);
void add_fmt(CLI::App& program, int& exit_code);
void add_state(CLI::App& program, int& exit_code);
// Last of all: it writes about the others.
void add_docs(CLI::App& program, int& exit_code);

// --plugin-path, for the commands that load plugins.
void add_plugin_path(CLI::App& command, std::vector<std::filesystem::path>& folders);

// --set NAME=VALUE, for the commands that load a pipeline.
void add_set(CLI::App& command, std::vector<ParameterSetting>& parameters);

// One line on stderr: "flowrun: MESSAGE".
void complain(std::string_view message);

}  // namespace flowrun::cli
