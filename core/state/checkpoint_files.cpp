#include "core/state/checkpoint_files.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/state/byte_order.hpp"

namespace flowrun {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifestPrefix = "checkpoint-";
constexpr std::string_view kManifestSuffix = ".manifest";
constexpr std::string_view kPagesPrefix = "pages-";
constexpr std::string_view kPagesSuffix = ".data";
constexpr std::string_view kPagesMagic = "FLOWPAGE";
constexpr std::uint32_t kPagesFormat = 1;
constexpr std::uint32_t kPageMark = 0x45474150;  // "PAGE"
// Of a page file's header: magic, format, zeros, number, checksum.
constexpr std::size_t kPagesHeaderBytes = 32;

// The number in a name of this shape.
std::optional<std::uint64_t> number_in(std::string_view name, std::string_view prefix,
                                       std::string_view suffix) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  if (name.size() <= prefix.size() + suffix.size()) return std::nullopt;
  name.remove_prefix(prefix.size());
  name.remove_suffix(suffix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

template <class Visit>
void for_each_page(const Manifest& manifest, Visit visit) {
  for (const auto& [component, tables] : manifest.components) {
    for (const auto& [name, table] : tables) {
      for (const Manifest::Area& area : table.areas) {
        for (const Manifest::Page& page : area.pages) visit(page);
      }
    }
  }
}

}  // namespace

fs::path manifest_path(const fs::path& folder, std::uint64_t id) {
  return folder / fmt::format("{}{:010}{}", kManifestPrefix, id, kManifestSuffix);
}

fs::path page_file_path(const fs::path& folder, std::uint64_t id) {
  return folder / fmt::format("{}{:010}{}", kPagesPrefix, id, kPagesSuffix);
}

CheckpointFiles list_files(const fs::path& folder) {
  CheckpointFiles files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (const auto id = number_in(name, kManifestPrefix, kManifestSuffix)) {
      files.manifests.insert(*id);
    } else if (const auto pages = number_in(name, kPagesPrefix, kPagesSuffix)) {
      files.page_files.insert(*pages);
    } else if (name.starts_with(kManifestPrefix) && name.ends_with(".part")) {
      files.unfinished.push_back(at->path());
    }
  }
  if (error) {
    throw CheckpointError(folder.string() + " cannot be read: " + error.message());
  }
  return files;
}

Manifest read_manifest(const fs::path& file) {
  try {
    return Manifest::from_bytes(read_whole(file));
  } catch (const ManifestError& error) {
    throw CheckpointError(file.string() + ' ' + error.what());
  } catch (const std::system_error& error) {
    throw CheckpointError(error.what());
  }
}

std::string page_file_header(std::uint64_t id) {
  std::string bytes(kPagesMagic);
  put(bytes, kPagesFormat);
  put(bytes, std::uint32_t{0});
  put(bytes, id);
  put(bytes, checksum_of(bytes));
  return bytes;
}

std::string page_header(std::uint32_t length, std::uint64_t checksum) {
  std::string bytes;
  put(bytes, kPageMark);
  put(bytes, length);
  put(bytes, checksum);
  return bytes;
}

File& PageReader::open(std::uint64_t file) {
  const auto found = files_.find(file);
  if (found != files_.end()) return found->second;
  const fs::path path = page_file_path(folder_, file);
  try {
    File opened = File::read(path);
    std::string header(kPagesHeaderBytes, '\0');
    header.resize(opened.read_at(0, header.data(), header.size()));
    if (header != page_file_header(file)) {
      throw CheckpointError(path.string() + " does not begin as page file " + std::to_string(file) +
                            " does");
    }
    return files_.emplace(file, std::move(opened)).first->second;
  } catch (const std::system_error& error) {
    throw CheckpointError(error.what());
  }
}

void PageReader::read(const Manifest::Page& page, char* to) {
  const File& file = open(page.file);
  std::size_t got = 0;
  try {
    got = file.read_at(page.offset, to, page.length);
  } catch (const std::system_error& error) {
    throw CheckpointError(error.what());
  }
  if (got < page.length) {
    throw CheckpointError(fmt::format("{} has {} bytes, and a page stands at {} to {}",
                                      file.path().string(), file.size(), page.offset,
                                      page.offset + page.length));
  }
  if (checksum_of({to, page.length}) != page.checksum) {
    throw CheckpointError(fmt::format("{} has a page at {} that does not match its checksum",
                                      file.path().string(), page.offset));
  }
  std::memset(to + page.length, 0, FLOW_PAGE_BYTES - page.length);
}

void PageReader::check(const Manifest& manifest) {
  std::vector<const Manifest::Page*> pages;
  for_each_page(manifest, [&](const Manifest::Page& page) { pages.push_back(&page); });
  std::sort(pages.begin(), pages.end(), [](const Manifest::Page* a, const Manifest::Page* b) {
    return std::pair(a->file, a->offset) < std::pair(b->file, b->offset);
  });
  std::vector<char> bytes(FLOW_PAGE_BYTES);
  for (const Manifest::Page* page : pages) read(*page, bytes.data());
}

std::uint64_t page_bytes(const Manifest& manifest) {
  std::uint64_t bytes = 0;
  for_each_page(manifest, [&](const Manifest::Page& page) { bytes += page.length; });
  return bytes;
}

}  // namespace flowrun
