// Reads small files whole, with a reason when that fails.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace flowrun {

struct FileText {
  std::string text;
  std::string problem;  // empty if it was read, e.g. "cannot be opened: No such file or directory"
};

// Reads at most `limit` bytes; a file with more is a problem, so that /dev/zero ends too.
FileText read_file_text(const std::filesystem::path& file, std::size_t limit);

}  // namespace flowrun
