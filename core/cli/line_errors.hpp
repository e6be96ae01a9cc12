// Errors in a pipeline or expression that was typed on the command line.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/config/binding.hpp"
#include "core/config/diagnostic.hpp"

namespace flowrun::cli {

// Throws a ConfigurationError with the mistakes that inferring schemas shows. `document`: the text
// that the places of values are in.
void check_schemas(const BoundPipeline& pipeline, const std::string& document);

// Each error, and `line` with a caret below where it is; `position` gives the bytes of the line
// before a place. Places of other files than `file`, and warnings, are told without a caret.
void print_with_carets(const ConfigurationError& error, std::string_view file,
                       std::string_view line,
                       const std::function<std::size_t(const Place&)>& position);

}  // namespace flowrun::cli
