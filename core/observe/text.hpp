// Text that goes out to people and machines: escaped, and valid UTF-8 whatever came in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace flowrun {

// One step through bytes that may or may not be UTF-8. `length` is at least 1.
struct Utf8Step {
  std::size_t length = 1;
  bool valid = false;  // false: the bytes are (a piece of) no character; they stand for one U+FFFD
};

// The character at the front of `text`, which must not be empty. Overlong forms, surrogates and
// values above U+10FFFF are invalid; a broken sequence is one step up to the byte that breaks it.
Utf8Step next_utf8(std::string_view text) noexcept;

// Appends `text` with every invalid sequence replaced by U+FFFD.
void append_utf8_repaired(std::string& out, std::string_view text);

// Appends `text` as a JSON string, quotes included. Invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// Appends `text` for a terminal: control characters (C1 too, so no escape sequence gets through)
// as \n, \t, \r, \xNN or \u00NN, invalid UTF-8 as U+FFFD.
void append_printable(std::string& out, std::string_view text);

// "1,234,567"
std::string with_thousands(std::uint64_t number);

}  // namespace flowrun
