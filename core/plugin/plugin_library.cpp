#include "core/plugin/plugin_library.hpp"

#include <elf.h>

#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "core/plugin/descriptor_check.hpp"

namespace flowrun {
namespace {

std::string lines_of(const std::filesystem::path& file, const std::vector<std::string>& reasons) {
  std::string lines;
  for (const std::string& reason : reasons) {
    if (!lines.empty()) lines += '\n';
    lines += file.string() + ": " + reason;
  }
  return lines;
}

// The loader maps what the program headers say without looking whether the file is long enough,
// and dies of SIGBUS on a file that was cut off while it was copied. Other malformed ELF files it
// refuses itself.
void check_is_library(const std::filesystem::path& file) {
  const auto refuse = [&](std::string reason) -> void {
    throw PluginError(file, {std::move(reason)});
  };
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(file, error);
  if (status.type() == std::filesystem::file_type::not_found) refuse("there is no such file");
  if (std::filesystem::is_directory(status)) refuse("is a directory, not a shared library");
  if (!std::filesystem::is_regular_file(status)) refuse("is not a regular file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) refuse(std::string("cannot be read: ") + std::strerror(errno));

  Elf64_Ehdr header{};
  stream.read(reinterpret_cast<char*>(&header), sizeof header);
  if (stream.bad()) refuse("cannot be read");
  const std::streamsize n_read = stream.gcount();
  if (n_read < SELFMAG || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    refuse("is not a shared library: it does not begin with an ELF header");
  }
  if (n_read < static_cast<std::streamsize>(sizeof header)) {
    refuse("is not a whole shared library: the file is cut off");
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64) return;
  if (header.e_type != ET_DYN) refuse("is an ELF file, but not a shared library");
  const std::uint64_t size = std::filesystem::file_size(file, error);
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    stream.seekg(static_cast<std::streamoff>(header.e_phoff + i * sizeof segment));
    stream.read(reinterpret_cast<char*>(&segment), sizeof segment);
    const bool cut = stream.gcount() < static_cast<std::streamsize>(sizeof segment) ||
                     segment.p_offset > size || segment.p_filesz > size - segment.p_offset;
    if (cut) refuse("is not a whole shared library: the file is cut off");
  }
}

// Boost wraps the loader's own words in its own; only these say what is wrong.
std::string loader_words(const std::string& what) {
  constexpr std::string_view kBefore = "dlerror system message: ";
  const std::size_t begin = what.find(kBefore);
  if (begin == std::string::npos) return what;
  const std::size_t end = what.rfind("): ");
  const std::size_t from = begin + kBefore.size();
  return what.substr(from, end == std::string::npos || end < from ? std::string::npos : end - from);
}

struct Loaded {
  std::mutex mutex;
  std::vector<std::unique_ptr<boost::dll::shared_library>> handles;  // of the refused, too
  std::map<std::filesystem::path, const PluginLibrary*> by_file;
  std::map<const flow_plugin*, const PluginLibrary*> by_plugin;
};

// Never destroyed: that would unload the libraries.
Loaded& loaded() {
  static Loaded* const kAll = new Loaded;
  return *kAll;
}

// REQUIRES: the mutex of loaded() is held.
const flow_plugin* open_library(const std::filesystem::path& file) {
  auto library = std::make_unique<boost::dll::shared_library>();
  try {
    library->load(file, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  } catch (const std::exception& error) {
    throw PluginError(file, {"cannot be loaded: " + loader_words(error.what())});
  }
  const boost::dll::shared_library& handle = *loaded().handles.emplace_back(std::move(library));
  if (!handle.has(FLOW_PLUGIN_ENTRY)) {
    throw PluginError(file, {"is not a plugin: it exports no symbol " FLOW_PLUGIN_ENTRY});
  }
  return &handle.get<const flow_plugin>(FLOW_PLUGIN_ENTRY);
}

void check(const flow_plugin& plugin, const std::filesystem::path& file) {
  std::vector<std::string> reasons = plugin_problems(plugin);
  if (!reasons.empty()) throw PluginError(file, std::move(reasons));
}

}  // namespace

PluginError::PluginError(std::filesystem::path file, std::vector<std::string> reasons)
    : std::runtime_error(lines_of(file, reasons)),
      file_(std::move(file)),
      reasons_(std::move(reasons)) {}

const PluginLibrary& PluginLibrary::load(const std::filesystem::path& file) {
  check_is_library(file);
  const std::filesystem::path canonical = std::filesystem::canonical(file);
  const std::lock_guard lock(loaded().mutex);
  const auto [at, added] = loaded().by_file.try_emplace(canonical, nullptr);
  if (at->second == nullptr) {
    const flow_plugin* plugin = open_library(file);
    check(*plugin, file);
    at->second = new PluginLibrary(file, plugin);
  }
  return *at->second;
}

const PluginLibrary& PluginLibrary::of(const flow_plugin& plugin, const std::string& label) {
  check(plugin, label);
  const std::lock_guard lock(loaded().mutex);
  const auto [at, added] = loaded().by_plugin.try_emplace(&plugin, nullptr);
  if (at->second == nullptr) at->second = new PluginLibrary(label, &plugin);
  return *at->second;
}

}  // namespace flowrun
