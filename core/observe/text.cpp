#include "core/observe/text.hpp"

#include <algorithm>

#include "flow/utf8.hpp"

namespace flowrun {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr char kHex[] = "0123456789abcdef";

void append_hex(std::string& out, std::string_view prefix, unsigned char byte) {
  out.append(prefix);
  out.push_back(kHex[byte >> 4]);
  out.push_back(kHex[byte & 15]);
}

// A control character: by its letter, or by its number behind `prefix`.
void append_escape(std::string& out, std::string_view prefix, unsigned char byte) {
  if (byte == '\n') {
    out.append("\\n");
  } else if (byte == '\r') {
    out.append("\\r");
  } else if (byte == '\t') {
    out.append("\\t");
  } else {
    append_hex(out, prefix, byte);
  }
}

// Calls `on_character` with each valid character and with kReplacement for each invalid sequence.
template <typename OnCharacter>
void each_character(std::string_view text, OnCharacter on_character) {
  while (!text.empty()) {
    const flow::Utf8Step step = flow::utf8_step(text);
    on_character(step.valid ? text.substr(0, step.length) : kReplacement);
    text.remove_prefix(step.length);
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  each_character(text, [&out](std::string_view character) {
    const auto byte = static_cast<unsigned char>(character.front());
    if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.append(character);
    } else if (byte >= 0x20) {
      out.append(character);
    } else {
      append_escape(out, "\\u00", byte);
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
    } else {
      append_escape(out, "\\x", byte);
    }
  });
}

std::string with_thousands(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t place = digits.size(); place > 3; place -= 3) digits.insert(place - 3, 1, ',');
  return digits;
}

}  // namespace flowrun
