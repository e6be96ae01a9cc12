#include "utf8_text.hpp"

#include <algorithm>
#include <cstddef>

namespace flow::operators {
namespace {

unsigned char byte_at(std::string_view text, std::size_t position) {
  return static_cast<unsigned char>(text[position]);
}

/// Length of the valid sequence at `position`, 0 if there is none (RFC 3629, table of section 4).
std::size_t sequence_length(std::string_view text, std::size_t position) {
  const unsigned char lead = byte_at(text, position);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
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
  }
  if (length == 0 || position + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    const unsigned char byte = byte_at(text, position + i);
    if (byte < low || byte > high) return 0;
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

}  // namespace

bool is_ascii(std::string_view text) {
  unsigned char seen = 0;
  for (const char byte : text)
    seen = static_cast<unsigned char>(seen | static_cast<unsigned char>(byte));
  return seen < 0x80;
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size() + 8);
  for (std::size_t position = 0; position < text.size();) {
    const std::size_t length = sequence_length(text, position);
    if (length == 0) {
      valid += "\xEF\xBF\xBD";
      ++position;
    } else {
      valid.append(text, position, length);
      position += length;
    }
  }
  return valid;
}

std::string fold_to_ascii_letters(std::string_view text) {
  constexpr std::string_view kElvinSign = "\xE2\x84\xAA";
  constexpr std::string_view kLongS = "\xC5\xBF";
  std::string folded;
  folded.reserve(text.size());
  for (std::size_t position = 0; position < text.size();) {
    if (text.substr(position, kElvinSign.size()) == kElvinSign) {
      folded += 'k';
      position += kElvinSign.size();
    } else if (text.substr(position, kLongS.size()) == kLongS) {
      folded += 's';
      position += kLongS.size();
    } else {
      folded += text[position++];
    }
  }
  return folded;
}

}  // namespace flow::operators
