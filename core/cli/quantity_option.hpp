// Options of the command line that take a duration or a size.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "core/config/quantity.hpp"

namespace flowrun::cli {

// An option whose text `parse` reads, "30s" or "1GiB". `value` must outlive the parsing.
inline CLI::Option* add_quantity(CLI::App& command, const char* name,
                                 std::optional<std::int64_t>& value,
                                 Quantity (*parse)(std::string_view), std::int64_t least,
                                 const char* help) {
  return command.add_option_function<std::string>(
      name,
      [name, &value, parse, least](const std::string& text) {
        const Quantity quantity = parse(text);
        if (!quantity.value) {
          throw CLI::ValidationError(
              name, quantity.problem + (quantity.remedy.empty() ? "" : ": ") + quantity.remedy);
        }
        if (*quantity.value < least) throw CLI::ValidationError(name, text + " is too small");
        value = quantity.value;
      },
      help);
}

}  // namespace flowrun::cli
