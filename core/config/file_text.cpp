#include "core/config/file_text.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "core/config/quantity.hpp"

namespace flowrun {

FileText read_file_text(const std::filesystem::path& file, std::size_t limit) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) return {{}, "is a directory"};
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "rbe"),
                                                               &std::fclose);
  if (!stream) return {{}, std::string("cannot be opened: ") + std::strerror(errno)};
  std::string text;
  char piece[16384];
  while (const std::size_t n = std::fread(piece, 1, sizeof piece, stream.get())) {
    text.append(piece, n);
    if (text.size() > limit) {
      return {{}, "is larger than " + format_size(static_cast<std::int64_t>(limit))};
    }
  }
  if (std::ferror(stream.get()) != 0) {
    return {{}, std::string("cannot be read: ") + std::strerror(errno)};
  }
  return {std::move(text), {}};
}

}  // namespace flowrun
