// Steps over JSON text that check what they pass: the fast way through a document, a value at a
// time.
//
// Each begins at the first byte of what it reads and returns the place behind it; NULL: that is not
// there, and find_json_error says why. `end` is the text's; kJsonPadding bytes behind it must be
// readable, whatever they are. A result is never behind `end`. What is accepted is what
// find_json_error accepts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "operators/common/json_writer.hpp"

namespace flow::operators {

inline constexpr int64_t kJsonPadding = 64;

// What was met on the way.
struct JsonTraits {
  bool escaped = false;       // a backslash
  bool beyond_ascii = false;  // a byte of 0x80 or more, which is not checked to be UTF-8
};

inline const char* skip_json_space(const char* at, const char* end) {
  if (static_cast<unsigned char>(*at) > ' ') return at;
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) ++at;
  return at;
}

// The rest of a string from a byte that is not plain text on; see skip_json_string.
const char* skip_json_string_slowly(const char* at, const char* end, JsonTraits& traits);

// A string from behind its opening quote. Adds to `traits`.
inline const char* skip_json_string(const char* at, const char* end, JsonTraits& traits) {
#if defined(__SSSE3__)
  while (at < end) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto high = static_cast<uint32_t>(_mm_movemask_epi8(bytes));
    const auto marks = static_cast<uint32_t>(SseCopy::marks(bytes));
    if (marks == 0) {
      traits.beyond_ascii |= high != 0;
      at += 16;
      continue;
    }
    const auto plain = static_cast<unsigned>(__builtin_ctz(marks));
    traits.beyond_ascii |= (high & ((1U << plain) - 1)) != 0;
    at += plain;
    if (at >= end) return nullptr;
    return *at == '"' ? at + 1 : skip_json_string_slowly(at, end, traits);
  }
  return nullptr;
#else
  return skip_json_string_slowly(at, end, traits);
#endif
}

// A number as it is written, and what it comes to where that is simple.
struct JsonNumber {
  uint64_t digits = 0;  // all of them as one number, if count <= 19
  int count = 0;        // of digits, without leading zeros
  int decimals = 0;     // how many stand behind the point
  bool negative = false;
  bool has_exponent = false;

  // Exactly the number that json_integer and json_number find; false: ask them.
  bool integer(int64_t& value) const {
    if (has_exponent || decimals > 0 || count > 18) return false;
    const auto magnitude = static_cast<int64_t>(digits);
    value = negative ? -magnitude : magnitude;
    return true;
  }
  bool real(double& value) const;
};
const char* skip_json_number(const char* at, const char* end, JsonNumber& number);

// Any value. Up to 1,024 deep.
const char* skip_json_value(const char* at, const char* end, JsonTraits& traits, int depth = 0);

}  // namespace flow::operators
