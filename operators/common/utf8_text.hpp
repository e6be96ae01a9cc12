// What a case-insensitive search in UTF-8 for ASCII text has to know.
#pragma once

#include <string>
#include <string_view>

namespace flow::operators {

/// Whether all bytes are below 0x80.
bool is_ascii(std::string_view text);

/// `text` with the two characters beyond ASCII that simple case folding equates with ASCII letters
/// (the Kelvin sign U+212A and the long s U+017F) replaced by k and s: what a case-insensitive
/// search for ASCII text must look at.
std::string fold_to_ascii_letters(std::string_view text);

}  // namespace flow::operators
