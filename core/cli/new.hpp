// What `flowrun new` can begin. As the functions of command.hpp, one level down.
#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11 calls it so
class App;
}

namespace flowrun::cli {

void add_new_pipeline(CLI::App& command, int& exit_code);
void add_new_plugin(CLI::App& command, int& exit_code);

}  // namespace flowrun::cli
