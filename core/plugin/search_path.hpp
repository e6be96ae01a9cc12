// Where plugins are looked for.
#pragma once

#include <filesystem>
#include <vector>

namespace flowrun {

// In order of precedence: the folders of the command line, those of $FLOWRUN_PLUGIN_PATH (between
// colons), `plugins` beside the program (a build tree), `../lib/flowrun/plugins` from the program's
// folder (an installed tree). They need not exist.
std::vector<std::filesystem::path> plugin_search_folders(
    const std::vector<std::filesystem::path>& from_command_line);

}  // namespace flowrun
