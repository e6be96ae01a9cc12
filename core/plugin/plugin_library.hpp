// One plugin, loaded and found to be sound.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "flow/abi.h"

namespace flowrun {

// A plugin was refused. what() is one line a reason, each beginning with the file.
class PluginError : public std::runtime_error {
 public:
  PluginError(std::filesystem::path file, std::vector<std::string> reasons);

  const std::filesystem::path& file() const { return file_; }
  const std::vector<std::string>& reasons() const { return reasons_; }

 private:
  std::filesystem::path file_;
  std::vector<std::string> reasons_;
};

// Lives, like the library behind it, until the process ends: threads, caches and exit handlers of
// a plugin cannot be taken away safely, so nothing is ever unloaded.
class PluginLibrary {
 public:
  // Loads the library (its symbols stay private, all are resolved at once), checks its version and
  // every descriptor. The same file yields the same object. Throws PluginError. [any]
  static const PluginLibrary& load(const std::filesystem::path& file);

  // A plugin that is part of this program; it must live as long. `label` stands where the file of
  // others does. The same checks.
  static const PluginLibrary& of(const flow_plugin& plugin, const std::string& label);

  const std::filesystem::path& file() const { return file_; }
  const flow_plugin& plugin() const { return *plugin_; }

  PluginLibrary(const PluginLibrary&) = delete;
  PluginLibrary& operator=(const PluginLibrary&) = delete;

 private:
  PluginLibrary(std::filesystem::path file, const flow_plugin* plugin)
      : file_(std::move(file)), plugin_(plugin) {}

  std::filesystem::path file_;
  const flow_plugin* plugin_;
};

}  // namespace flowrun
