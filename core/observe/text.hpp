// Text that goes out to people and machines: escaped, and valid UTF-8 whatever came in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace flowrun {

// Appends `text` as a JSON string, quotes included. Invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// Appends `text` for a terminal: control characters (C1 too, so no escape sequence gets through)
// as \n, \t, \r, \xNN or \u00NN, invalid UTF-8 as U+FFFD.
void append_printable(std::string& out, std::string_view text);

// "1,234,567"
std::string with_thousands(std::uint64_t number);

}  // namespace flowrun
