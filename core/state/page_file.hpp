// The page file of a checkpoint while it is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "core/state/file.hpp"
#include "core/state/manifest.hpp"

namespace flowrun {

// Made by the first page. Functions throw std::system_error. Not thread-safe.
class PageFile {
 public:
  PageFile(const std::filesystem::path& folder, std::uint64_t id);

  // Where the next page is to be copied to, FLOW_PAGE_BYTES; then comes add().
  char* next();
  // Takes what next() was filled with. Returns where it stands.
  Manifest::Page add();
  // Everything is on the disk.
  void finish();
  std::uint64_t bytes() const { return at_; }

 private:
  void flush();

  std::uint64_t id_;
  File file_;
  std::vector<char> buffer_;
  std::size_t used_ = 0;
  std::uint64_t at_ = 0;       // of the next page's header
  std::uint64_t started_ = 0;  // up to here the system has been told to write
};

}  // namespace flowrun
