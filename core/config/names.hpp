// Names that people type: what is well-formed, what was probably meant, how to quote it back.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flowrun {

// Edits (insert, delete, replace, swap of neighbours) that turn one name into the other, ASCII case
// ignored: the restricted Damerau-Levenshtein distance (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that was probably meant by `name`: the closest one, as far as it lies within a
// third of the name's length (at least one edit). Ties go to the earlier candidate. O(n * length²).
std::optional<std::string> nearest_name(std::string_view name,
                                        const std::vector<std::string>& candidates);

// "did you mean 'x'?", or empty when nothing is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

// [A-Za-z_][A-Za-z0-9_-]*
bool is_identifier(std::string_view name);

// `text` in single quotes for a message: control characters escaped, cut after 80 bytes.
std::string quote(std::string_view text);

// "a", "a and b", "a, b and c" (or with another word than "and").
std::string enumerate(const std::vector<std::string>& names, std::string_view last = "and");

// `parent.key`, the key quoted if it is not a bare TOML key.
std::string join_key(std::string_view parent, std::string_view key);

}  // namespace flowrun
