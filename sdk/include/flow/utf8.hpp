// UTF-8, for text that should be but may be any bytes: is it valid, and if not, what is repaired
// how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace flow {

// One step through bytes that may or may not be UTF-8: the sequence at their start, at least 1
// byte. Of an ill-formed one: its maximal subpart (Unicode 15, section 3.9, table 3-7), which one
// U+FFFD stands for. Overlong forms, surrogates and values above U+10FFFF are ill-formed.
struct Utf8Step {
  size_t length = 1;
  bool valid = false;
};

// The step at the front of `text`, which must not be empty. About 1 ns.
inline Utf8Step utf8_step(std::string_view text) noexcept {
  const auto byte = [text](size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, true};
  size_t length = 0;
  // Only the second byte has a range of its own: it rules out overlong forms and surrogates.
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
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
  for (size_t i = 1; i < length; ++i) {
    if (i >= text.size() || byte(i) < low || byte(i) > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

// Whether the byte goes on with a character that began before it.
inline bool is_utf8_continuation(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// Characters (code points) of valid UTF-8. Of other text, the bytes that continue nothing.
inline size_t utf8_length(std::string_view text) noexcept {
  size_t length = 0;
  for (const char byte : text) length += is_utf8_continuation(byte) ? 0 : 1;
  return length;
}

// At most `longest` bytes of the text's beginning, and no character cut in two.
inline std::string_view utf8_prefix(std::string_view text, size_t longest) noexcept {
  if (text.size() <= longest) return text;
  while (longest > 0 && is_utf8_continuation(text[longest])) --longest;
  return text.substr(0, longest);
}

// Scalar, about 1 ns a byte beyond ASCII; runs of ASCII are skipped 16 bytes at a time.
inline bool is_valid_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    size_t ascii = 0;
    for (; ascii + 16 <= text.size(); ascii += 16) {
      uint64_t words[2];
      std::memcpy(words, text.data() + ascii, sizeof words);
      if (((words[0] | words[1]) & 0x8080808080808080U) != 0) break;
    }
    text.remove_prefix(ascii);
    for (int i = 0; i < 16 && !text.empty(); ++i) {
      const Utf8Step step = utf8_step(text);
      if (!step.valid) return false;
      text.remove_prefix(step.length);
    }
  }
  return true;
}

// Appends `text` to `out` with one U+FFFD in place of each maximal ill-formed subpart. Appends at
// most three bytes a byte.
inline void append_repaired_utf8(std::string_view text, std::string& out) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    out += step.valid ? text.substr(0, step.length) : kReplacement;
    text.remove_prefix(step.length);
  }
}

// Appends the UTF-8 of a code point below 0x110000 that is no surrogate.
inline void append_utf8(char32_t code_point, std::string& out) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

}  // namespace flow
