// The operators that the loaded plugins offer.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/plugin/plugin_library.hpp"

namespace flowrun {

// An operator and the plugin it comes from. Pointers last as long as the process.
struct OfferedOperator {
  const flow_descriptor* descriptor = nullptr;
  const PluginLibrary* library = nullptr;
};

// Whether instances of the operator share the keys of its rows.
inline bool is_keyed(const flow_descriptor& descriptor) {
  return (descriptor.traits & (FLOW_KEYED | FLOW_BLOCKING)) == FLOW_KEYED;
}

// Not synchronised: filled once at the start, only read afterwards.
class Registry {
 public:
  // `folders` in order of precedence, as plugin_search_folders() gives them.
  explicit Registry(std::vector<std::filesystem::path> folders = {});

  // Loads the plugin called `name`: NAME.so or libNAME.so in the first folder that has one, or with
  // a '/' in it the file itself. Nothing happens if it is loaded already. Throws PluginError if
  // there is none, or if it is refused.
  void load(const std::string& name);

  // Loads every *.so of every folder; of several with the same file name the first. Returns the
  // plugins that were refused: the others are loaded all the same.
  std::vector<PluginError> load_all();

  // Adds the operators of a library, all or none. Throws PluginError, naming both files, if another
  // library offers one of them already.
  void add(const PluginLibrary& library);

  // nullptr if there is none.
  const OfferedOperator* find(flow_kind kind, std::string_view name) const;

  // By kind, then by name.
  std::vector<OfferedOperator> operators() const;
  // In the order of loading.
  const std::vector<const PluginLibrary*>& libraries() const { return libraries_; }
  const std::vector<std::filesystem::path>& folders() const { return folders_; }

  // For messages: "'a', 'b' (does not exist)".
  std::string searched() const;

 private:
  std::vector<std::filesystem::path> folders_;
  std::vector<const PluginLibrary*> libraries_;
  std::map<std::pair<flow_kind, std::string>, OfferedOperator, std::less<>> operators_;
};

}  // namespace flowrun
