// ${NAME}, ${NAME:-default} and ${parameters.NAME} inside the text values of a pipeline file.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/config/value.hpp"

namespace flowrun {

// The value of a variable, or nothing if it is not set.
using VariableLookup = std::function<std::optional<std::string>(std::string_view)>;

// The environment of the process.
std::optional<std::string> environment_variable(std::string_view name);

class Parameters;

// Expands every text value under `value` in place; keys stay as they are. `${NAME:-default}` takes
// the default, as it is written up to the next '}', where NAME is not set or empty. A text that is
// `${parameters.NAME}` and nothing else becomes the parameter's value, of whatever type; inside a
// longer text the value is written out, which lists cannot be. What was put in is not expanded
// again. `$$` becomes one `$`; a `$` before anything but `{` and `$` stays. What cannot be expanded
// is an error at the place of the text, under `key_path`. Without `parameters` they cannot be
// referred to.
void expand_variables(Value& value, const VariableLookup& lookup, const std::string& key_path,
                      Diagnostics& found, const Parameters* parameters = nullptr);

}  // namespace flowrun
