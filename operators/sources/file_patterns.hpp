// Paths and patterns of a `path` option as questions about single paths.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flow::operators {

class FilePatterns {
 public:
  explicit FilePatterns(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}

  const std::vector<std::string>& all() const { return patterns_; }
  // Whether a path is one of them or matches one, by the rules of find_files.
  bool match(const std::string& path) const;
  // The folders that exist now in which a file that matches could appear.
  std::vector<std::string> folders() const;

 private:
  std::vector<std::string> patterns_;
};

// "." for a name without a folder.
std::string folder_of(const std::string& path);
// Whose content is packed, by its name: .gz, .zst, .bz2, .xz.
bool has_packed_name(std::string_view path);

}  // namespace flow::operators
