// From the paths and patterns that a user wrote to files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flow::operators {

struct FoundFile {
  std::string path;
  int64_t bytes = 0;  // as stored; 0 for what is no regular file
};

struct FoundFiles {
  std::vector<FoundFile> files;       // each path once
  std::vector<std::string> missing;   // paths that do not exist, patterns that match nothing
  std::vector<std::string> problems;  // whole sentences: what is no file, or cannot be read
  std::vector<std::string> skipped;   // folders that a pattern matched
};

// In the order of `patterns`, and by name within a pattern. `*`, `?` and `[...]` match within one
// part of a path, as in a shell, and not a leading dot; a path that exists is taken literally,
// whatever characters it has.
FoundFiles find_files(const std::vector<std::string>& patterns);

}  // namespace flow::operators
