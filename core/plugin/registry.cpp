#include "core/plugin/registry.hpp"

#include <algorithm>
#include <set>

#include "core/config/names.hpp"
#include "core/config/specification.hpp"

namespace flowrun {
namespace {

std::vector<std::filesystem::path> libraries_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().extension() == ".so") files.push_back(at->path());
  }
  std::sort(files.begin(), files.end());  // a folder lists in no order
  return files;
}

// What can be asked for by name in a folder: stems, without "lib".
std::vector<std::string> names_in(const std::vector<std::filesystem::path>& folders) {
  std::vector<std::string> names;
  for (const std::filesystem::path& folder : folders) {
    for (const std::filesystem::path& file : libraries_in(folder)) {
      std::string stem = file.stem().string();
      if (stem.starts_with("lib")) stem.erase(0, 3);
      names.push_back(std::move(stem));
    }
  }
  return names;
}

}  // namespace

Registry::Registry(std::vector<std::filesystem::path> folders) : folders_(std::move(folders)) {}

void Registry::load(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    add(PluginLibrary::load(name));
    return;
  }
  for (const std::filesystem::path& folder : folders_) {
    for (const std::string& file_name : {name + ".so", "lib" + name + ".so"}) {
      std::error_code error;
      if (std::filesystem::exists(folder / file_name, error)) {
        add(PluginLibrary::load(folder / file_name));
        return;
      }
    }
  }
  const std::string hint = did_you_mean(name, names_in(folders_));
  throw PluginError(name + ".so", {"is in none of the plugin folders: " + searched() +
                                   (hint.empty() ? "" : " (" + hint + ')')});
}

std::vector<PluginError> Registry::load_all() {
  std::vector<PluginError> refused;
  std::set<std::filesystem::path> seen;
  for (const std::filesystem::path& folder : folders_) {
    for (const std::filesystem::path& file : libraries_in(folder)) {
      if (!seen.insert(file.filename()).second) continue;
      try {
        add(PluginLibrary::load(file));
      } catch (const PluginError& error) {
        refused.push_back(error);
      }
    }
  }
  return refused;
}

void Registry::add(const PluginLibrary& library) {
  if (std::find(libraries_.begin(), libraries_.end(), &library) != libraries_.end()) return;
  const flow_plugin& plugin = library.plugin();
  std::vector<std::string> taken;
  for (std::uint32_t i = 0; i < plugin.n_operators; ++i) {
    const flow_descriptor& descriptor = *plugin.operators[i];
    if (const OfferedOperator* other = find(descriptor.kind, descriptor.name)) {
      taken.push_back("offers the " + std::string(kind_name(descriptor.kind)) + ' ' +
                      quote(descriptor.name) + ", which " + other->library->file().string() +
                      " offers too: load only one of the two, with `plugins` in [pipeline]");
    }
  }
  if (!taken.empty()) throw PluginError(library.file(), std::move(taken));
  for (std::uint32_t i = 0; i < plugin.n_operators; ++i) {
    const flow_descriptor* descriptor = plugin.operators[i];
    operators_.emplace(std::pair(descriptor->kind, std::string(descriptor->name)),
                       OfferedOperator{descriptor, &library});
  }
  libraries_.push_back(&library);
}

const OfferedOperator* Registry::find(flow_kind kind, std::string_view name) const {
  const auto at = operators_.find(std::pair(kind, std::string(name)));
  return at == operators_.end() ? nullptr : &at->second;
}

std::vector<OfferedOperator> Registry::operators() const {
  std::vector<OfferedOperator> all;
  for (const auto& [name, offered] : operators_) all.push_back(offered);
  return all;
}

std::string Registry::searched() const {
  if (folders_.empty()) return "there are none";
  std::vector<std::string> shown;
  for (const std::filesystem::path& folder : folders_) {
    std::error_code error;
    const bool exists = std::filesystem::is_directory(folder, error);
    shown.push_back(folder.string() + (exists ? "" : " (does not exist)"));
  }
  return enumerate(shown);
}

}  // namespace flowrun
