// UTF-8: what a message shows of a text, and what a case-insensitive search for ASCII text has to
// know.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace flow::operators {

/// What a message about a row shows of a text that may be any bytes: at most `longest` of them,
/// repaired, no character cut in two, and "..." where the text goes on.
std::string beginning(std::string_view text, std::size_t longest = 40);

/// Whether all bytes are below 0x80.
bool is_ascii(std::string_view text);

/// `text` with the two characters beyond ASCII that simple case folding equates with ASCII letters
/// (the Kelvin sign U+212A and the long s U+017F) replaced by k and s: what a case-insensitive
/// search for ASCII text must look at.
std::string fold_to_ascii_letters(std::string_view text);

}  // namespace flow::operators
