// Timestamps as text: 2025-10-28T10:15:30.5Z.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace flow::operators {

// Longest text that format_rfc3339 writes.
inline constexpr int kRfc3339Bytes = 32;

// Nanoseconds since 1970 as UTC with 'Z' and as many fractional digits as needed, at most nine.
// `out` has room for kRfc3339Bytes; returns the end.
char* format_rfc3339(int64_t nanoseconds, char* out);

// A date and a time between `T`, `t` or a space, with `Z` or an offset (+02:00); digits beyond
// nanoseconds are cut off. A second of 60 counts as the following second's start. None: it is no
// such text, or outside the years 1677 to 2262 that nanoseconds in 64 bits reach.
std::optional<int64_t> parse_rfc3339(std::string_view text);

// Nanoseconds since 1970 of whole seconds since then and the nanoseconds (below a second) behind
// them. None: 64 bits do not reach there.
std::optional<int64_t> time_at(int64_t seconds, int64_t fraction);

}  // namespace flow::operators
