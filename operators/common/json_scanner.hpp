// What the tokens of JSON text mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flow::operators {

// The text of a JSON string's inside; half surrogate pairs become U+FFFD. Replaces what is in
// `out`.
void unescape_json(std::string_view inside, std::string& out);

// The value of a number token; none: it is no number, or beyond the type. An integer may be written
// with a fraction or an exponent (48.0, 1e3).
std::optional<int64_t> json_integer(std::string_view token);
std::optional<double> json_number(std::string_view token);

// A number of seconds since 1970, as nanoseconds: whole seconds exactly, fractions as a double has
// them, to the microsecond. None: it is no number, or outside the years 1677 to 2262.
std::optional<int64_t> json_timestamp(std::string_view token);

}  // namespace flow::operators
