// Numbers of a fixed count of decimal digits, as times are written with.
#pragma once

#include <cstddef>
#include <string_view>

namespace flow::operators {

// Writes `value` (below 100) with two digits at `out` and returns the end.
inline char* two_digits(char* out, unsigned value) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
  return out + 2;
}

// Reads `n` digits (at most nine) at the start of `text` and removes them; -1, and nothing removed:
// there are not so many.
inline int take_digits(std::string_view& text, size_t n) {
  if (text.size() < n) return -1;
  int value = 0;
  for (size_t i = 0; i < n; ++i) {
    const int digit = text[i] - '0';
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  text.remove_prefix(n);
  return value;
}

}  // namespace flow::operators
