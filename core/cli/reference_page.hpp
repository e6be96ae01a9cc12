// Operators as Markdown, from their descriptors.
#pragma once

#include <string>

#include "core/plugin/registry.hpp"

namespace flowrun::cli {

// plugins/NAME/REFERENCE.md: every operator of one plugin, sources first.
std::string plugin_reference(const PluginLibrary& library);

// docs/reference/README.md: all operators by kind, each with a link to its plugin's page.
std::string reference_index(const Registry& registry);

// docs/reference/pipeline.md: the tables and keys that belong to no operator.
std::string pipeline_reference();

}  // namespace flowrun::cli
