#include "core/plugin/search_path.hpp"

#include <boost/dll/runtime_symbol_info.hpp>
#include <cstdlib>
#include <string>
#include <string_view>

namespace flowrun {

std::vector<std::filesystem::path> plugin_search_folders(
    const std::vector<std::filesystem::path>& from_command_line) {
  std::vector<std::filesystem::path> folders = from_command_line;
  if (const char* variable = std::getenv("FLOWRUN_PLUGIN_PATH")) {
    std::string_view rest = variable;
    while (!rest.empty()) {
      const std::string_view folder = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
      if (!folder.empty()) folders.emplace_back(folder);
    }
  }
  std::error_code error;
  const std::filesystem::path program = boost::dll::program_location(error);
  if (!error) {
    folders.push_back(program.parent_path() / "plugins");
    folders.push_back(
        (program.parent_path() / ".." / "lib" / "flowrun" / "plugins").lexically_normal());
  }
  return folders;
}

}  // namespace flowrun
