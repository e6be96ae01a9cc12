// The JSON Schema of pipeline files, for editors.
#pragma once

#include <string>

#include "core/plugin/registry.hpp"

namespace flowrun::cli {

// A schema (draft 7) of files that use the operators of the registry: every table, every option
// with its type, default, limits and doc. It knows each file by itself, not how components are
// wired; `flowrun validate` does. What `${...}` stands for is not checked.
std::string pipeline_schema(const Registry& registry);

}  // namespace flowrun::cli
