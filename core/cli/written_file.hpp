// Files that commands write for people.
#pragma once

#include <filesystem>
#include <string_view>

namespace flowrun::cli {

// Puts `text` in place of the file, whole or not at all: whoever reads it meanwhile sees the old
// text or the new one. Keeps its permissions, and links to it; makes the folders that are missing.
// Throws a std::system_error that names the file.
void write_file(const std::filesystem::path& file, std::string_view text);

}  // namespace flowrun::cli
