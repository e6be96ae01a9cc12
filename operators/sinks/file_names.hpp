// Names of numbered files: "out/x-0001.ndjson.gz".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace flow::operators {

// `path` with "-NNNN" before its extension, which includes what stands before ".gz" or ".zst".
// Number 0: the path itself.
std::string numbered_path(const std::string& path, int64_t number);

// Which numbers are taken, by what is in the folders. Reads a folder once and remembers the highest
// number of each name: some 100 bytes a name.
class FileNumbers {
 public:
  // `parts_count`: whether files that end in ".part" take a number too.
  explicit FileNumbers(bool parts_count = true) : parts_count_(parts_count) {}

  // One behind the highest of `path`'s, at least `least`; taken from now on.
  int64_t take(const std::string& path, int64_t least);
  // The number that is part of this path is taken.
  void note(const std::string& numbered);

 private:
  using Highest = std::unordered_map<std::string, int64_t>;  // by the name without a number
  Highest read(const std::string& folder) const;
  Highest& folder_of(const std::string& path, std::string& name);

  bool parts_count_;
  std::unordered_map<std::string, Highest> folders_;
};

}  // namespace flow::operators
