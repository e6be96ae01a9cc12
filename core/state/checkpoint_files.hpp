// The files of a checkpoint folder: their names, and reading them with every byte checked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/state/file.hpp"
#include "core/state/manifest.hpp"

namespace flowrun {

// A checkpoint could not be written or read; the message names the file and the reason.
struct CheckpointError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::filesystem::path manifest_path(const std::filesystem::path& folder, std::uint64_t id);
std::filesystem::path page_file_path(const std::filesystem::path& folder, std::uint64_t id);

// What stands in a folder, by number. Files of other names are not looked at.
struct CheckpointFiles {
  std::set<std::uint64_t> manifests, page_files;
  std::vector<std::filesystem::path> unfinished;  // manifests that were not named yet
};
// Throws CheckpointError: no such folder.
CheckpointFiles list_files(const std::filesystem::path& folder);

// Throws CheckpointError.
Manifest read_manifest(const std::filesystem::path& file);

// Begins a page file: its header.
std::string page_file_header(std::uint64_t id);
// What stands in front of each page's content.
std::string page_header(std::uint32_t length, std::uint64_t checksum);
inline constexpr std::size_t kPageHeaderBytes = 16;

// Reads pages out of a folder's page files, each of which is opened once. Not thread-safe.
class PageReader {
 public:
  explicit PageReader(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // The page's content, and zeros behind it, to `to` (FLOW_PAGE_BYTES). Throws CheckpointError if
  // it is not there or not what the manifest says.
  void read(const Manifest::Page& page, char* to);
  // All pages of the checkpoint, in the order in which they lie. Throws CheckpointError.
  void check(const Manifest& manifest);
  // Bytes of a page file. Throws CheckpointError.
  std::uint64_t size(std::uint64_t file) { return open(file).size(); }

 private:
  File& open(std::uint64_t file);

  std::filesystem::path folder_;
  std::map<std::uint64_t, File> files_;
};

// Bytes of its pages as they are stored.
std::uint64_t page_bytes(const Manifest& manifest);

}  // namespace flowrun
