// Each kind of personal data at one place of a text. Nothing outside of the text is read; none of
// them looks at more than some hundred bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace flow::operators {

// First byte, and the one behind the last.
using Extent = std::pair<size_t, size_t>;

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool is_alnum(char c) { return is_digit(c) || is_letter(c); }
// The byte at `at`, NUL outside of the text.
inline char byte_at(std::string_view text, size_t at) { return at < text.size() ? text[at] : '\0'; }

// The e-mail address around the at sign, `@` or `%40`, that begins at `at`.
std::optional<Extent> email_around(std::string_view text, size_t at);

// An address whose first digit, or for IPv6 whose first colon, is at `at`.
std::optional<Extent> ipv4_at(std::string_view text, size_t at);
std::optional<Extent> ipv6_around(std::string_view text, size_t at);

// A number whose first digit is at `at`; a plus sign or a bracket before it belong to it.
std::optional<Extent> card_at(std::string_view text, size_t at);
std::optional<Extent> phone_at(std::string_view text, size_t at);
// An IBAN whose first check digit is at `at`.
std::optional<Extent> iban_around(std::string_view text, size_t at);

}  // namespace flow::operators
