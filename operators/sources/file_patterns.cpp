#include "operators/sources/file_patterns.hpp"

#include <fnmatch.h>
#include <glob.h>

#include <algorithm>
#include <array>
#include <new>
#include <set>

namespace flow::operators {

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool has_packed_name(std::string_view path) {
  constexpr std::array<std::string_view, 4> kEndings = {".gz", ".zst", ".bz2", ".xz"};
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [path](std::string_view ending) { return path.ends_with(ending); });
}

bool FilePatterns::match(const std::string& path) const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&path](const std::string& pattern) {
    return pattern == path ||
           ::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
  });
}

std::vector<std::string> FilePatterns::folders() const {
  std::set<std::string> folders;
  for (const std::string& pattern : patterns_) {
    const std::string folder = folder_of(pattern);
    folders.insert(folder);
    if (folder.find_first_of("*?[") == std::string::npos) continue;
    glob_t found{};
    const int outcome = ::glob(folder.c_str(), GLOB_ONLYDIR, nullptr, &found);
    if (outcome == 0) folders.insert(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    if (outcome == GLOB_NOSPACE) throw std::bad_alloc();
  }
  return {folders.begin(), folders.end()};
}

}  // namespace flow::operators
