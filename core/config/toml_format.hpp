// Pipeline files in one layout, comments and order kept: what `flowrun fmt` writes.
#pragma once

#include <string>
#include <string_view>

namespace flowrun {

// Lists and inline comments go on a line of their own beyond this column.
inline constexpr std::size_t kFormatWidth = 100;

// `text` laid out anew: spaces around `=` and none at line ends, one blank line in front of each
// table and never two, comments behind values aligned line by line, lists on one line or an element
// a line with a comma behind each. A list that begins a new line behind its `[`, holds a comment or
// is too wide gets a line for each element. Scalars are taken as they are written; keys keep their
// order, comments their words. Formatting what was formatted changes nothing.
//
// Throws a ConfigurationError for a syntax error, which names `file`; and a std::logic_error, a
// fault of the formatter, if the result would not say what the text says.
std::string format_toml(std::string_view text, const std::string& file);

}  // namespace flowrun
