// UTF-8 as decoders need it: is it valid, and if not, what is repaired how.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace flow::operators {

// One step through text that may be any bytes: the length of the sequence at its start, at least 1.
// Of an ill-formed one: of its maximal subpart (Unicode 15, section 3.9, table 3-7), which one
// U+FFFD stands for.
struct Utf8Step {
  size_t size;
  bool valid;
};
Utf8Step utf8_step(std::string_view text);

// Scalar, about 1 ns a byte beyond ASCII; runs of ASCII are skipped 16 bytes at a time.
bool is_valid_utf8(std::string_view text);

// Appends `text` to `out` with one U+FFFD in place of each maximal ill-formed subpart. Appends at
// most three bytes a byte.
void append_repaired_utf8(std::string_view text, std::string& out);

// Appends the UTF-8 of a code point below 0x110000 that is no surrogate.
void append_utf8(char32_t code_point, std::string& out);

}  // namespace flow::operators
