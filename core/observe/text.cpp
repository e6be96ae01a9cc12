#include "core/observe/text.hpp"

#include <algorithm>

namespace flowrun {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr char kHex[] = "0123456789abcdef";

void append_hex(std::string& out, std::string_view prefix, unsigned char byte) {
  out.append(prefix);
  out.push_back(kHex[byte >> 4]);
  out.push_back(kHex[byte & 15]);
}

// Calls `on_character` with each valid character and with kReplacement for each invalid sequence.
template <typename OnCharacter>
void each_character(std::string_view text, OnCharacter on_character) {
  while (!text.empty()) {
    const Utf8Step step = next_utf8(text);
    on_character(step.valid ? text.substr(0, step.length) : kReplacement);
    text.remove_prefix(step.length);
  }
}

}  // namespace

Utf8Step next_utf8(std::string_view text) noexcept {
  const auto byte = [text](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, true};
  std::size_t length = 0;
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
  for (std::size_t index = 1; index < length; ++index) {
    if (index >= text.size() || byte(index) < low || byte(index) > high) return {index, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

void append_utf8_repaired(std::string& out, std::string_view text) {
  each_character(text, [&out](std::string_view character) { out.append(character); });
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  each_character(text, [&out](std::string_view character) {
    const auto byte = static_cast<unsigned char>(character.front());
    if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.append(character);
    } else if (byte >= 0x20) {
      out.append(character);
    } else if (byte == '\n') {
      out.append("\\n");
    } else if (byte == '\r') {
      out.append("\\r");
    } else if (byte == '\t') {
      out.append("\\t");
    } else {
      append_hex(out, "\\u00", byte);
    }
  });
  out.push_back('"');
}

void append_printable(std::string& out, std::string_view text) {
  each_character(text, [&out](std::string_view character) {
    const auto byte = static_cast<unsigned char>(character.front());
    if (byte == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0) {
      append_hex(out, "\\u00", static_cast<unsigned char>(character[1]));
    } else if (byte >= 0x20 && byte != 0x7F) {
      out.append(character);
    } else if (byte == '\n') {
      out.append("\\n");
    } else if (byte == '\r') {
      out.append("\\r");
    } else if (byte == '\t') {
      out.append("\\t");
    } else {
      append_hex(out, "\\x", byte);
    }
  });
}

std::string with_thousands(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t place = digits.size(); place > 3; place -= 3) digits.insert(place - 3, 1, ',');
  return digits;
}

}  // namespace flowrun
