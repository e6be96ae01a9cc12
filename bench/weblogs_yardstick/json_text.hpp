#pragma once

#include <emmintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

/// JSON text for the yardstick. The functions below work in blocks of 16 bytes and so touch memory
/// behind their arguments and behind their result: up to kSlack bytes, which must be mapped.
namespace yardstick {

inline constexpr std::size_t kSlack = 64;

/// The most bytes that `escape` makes of one ("\u00XX").
inline constexpr std::size_t kMaximumExpansion = 6;

/// Length of the UTF-8 sequence at `text`, or of its maximal valid part if it is ill-formed, as the
/// Unicode standard (3.9, table 3-7) has it. At least 1.
struct Utf8Step {
  std::size_t size;
  bool valid;
};

inline Utf8Step utf8_step(const char* text, std::size_t size) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead < 0x80) return {1, true};
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {1, false};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (i == size || byte(i) < low || byte(i) > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

/// Copies `size` bytes, writing whole blocks.
inline char* copy(char* out, const char* from, std::size_t size) {
  for (std::size_t i = 0; i < size; i += 32) {
    const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i + 16));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), first);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i + 16), second);
  }
  return out + size;
}

/// Compares `size` bytes. Reads both arguments in whole blocks.
inline bool equal(const char* a, const char* b, std::size_t size) {
  for (std::size_t i = 0; i < size; i += 16) {
    const __m128i same = _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i)),
                                        _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i)));
    const std::uint32_t wanted = size - i >= 16 ? 0xFFFFu : (1u << (size - i)) - 1;
    if ((static_cast<std::uint32_t>(_mm_movemask_epi8(same)) & wanted) != wanted) return false;
  }
  return true;
}

template <std::size_t kSize>
char* literal(char* out, const char (&text)[kSize]) {
  std::memcpy(out, text, kSize - 1);
  return out + kSize - 1;
}

/// The escape of one control character, quote or backslash, or the repair of what is not ASCII.
/// Advances `text` behind what it took.
[[gnu::noinline]] inline char* escape_special(char* out, const char*& text, const char* end) {
  const auto byte = static_cast<unsigned char>(*text);
  if (byte >= 0x80) {
    while (text < end && static_cast<unsigned char>(*text) >= 0x80) {
      const Utf8Step step = utf8_step(text, static_cast<std::size_t>(end - text));
      if (step.valid) {
        std::memcpy(out, text, step.size);
        out += step.size;
      } else {
        out = literal(out, "\xEF\xBF\xBD");
      }
      text += step.size;
    }
    return out;
  }
  ++text;
  *out++ = '\\';
  switch (byte) {
    case '"':
    case '\\':
      *out++ = static_cast<char>(byte);
      return out;
    case '\b':
      *out++ = 'b';
      return out;
    case '\f':
      *out++ = 'f';
      return out;
    case '\n':
      *out++ = 'n';
      return out;
    case '\r':
      *out++ = 'r';
      return out;
    case '\t':
      *out++ = 't';
      return out;
    default:
      out = literal(out, "u00");
      *out++ = "0123456789abcdef"[byte >> 4];
      *out++ = "0123456789abcdef"[byte & 15];
      return out;
  }
}

/// Writes `text` as the inside of a JSON string; `out` needs kMaximumExpansion bytes a byte.
inline char* escape(char* out, std::string_view text) {
  const __m128i space = _mm_set1_epi8(0x20);
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const char* from = text.data();
  const char* const end = from + text.size();
  while (from < end) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
    // Signed: below 0x20 are the control characters and everything from 0x80 up.
    const __m128i hit =
        _mm_or_si128(_mm_cmplt_epi8(bytes, space),
                     _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
    const auto hits = static_cast<std::uint32_t>(_mm_movemask_epi8(hit));
    const auto left = static_cast<std::size_t>(end - from);
    const std::size_t clean = hits == 0 ? 16 : static_cast<std::size_t>(__builtin_ctz(hits));
    if (clean >= left) return out + left;
    out += clean;
    from += clean;
    if (clean < 16) out = escape_special(out, from, end);
  }
  return out;
}

}  // namespace yardstick
