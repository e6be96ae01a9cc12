// TOML text -> Value tree. The only place that knows which parser is used.
#pragma once

#include <string>
#include <string_view>

#include "core/config/value.hpp"

namespace flowrun {

// Tables and lists may be nested this deep; a pipeline file needs about four levels.
inline constexpr int kDeepestNesting = 64;

// Parses a whole document. Throws a ConfigurationError with the one diagnostic that stands alone:
// the first syntax error. `file` is what places name.
Value::Table parse_toml(std::string_view text, const std::string& file);

}  // namespace flowrun
