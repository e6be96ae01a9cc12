#include "utf8_text.hpp"

#include <algorithm>
#include <cstddef>

#include "flow/utf8.hpp"

namespace flow::operators {

bool is_ascii(std::string_view text) {
  unsigned char seen = 0;
  for (const char byte : text)
    seen = static_cast<unsigned char>(seen | static_cast<unsigned char>(byte));
  return seen < 0x80;
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size() + 8);
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    if (step.valid) {
      valid += text.substr(0, step.length);
    } else {
      for (std::size_t i = 0; i < step.length; ++i) valid += "\xEF\xBF\xBD";
    }
    text.remove_prefix(step.length);
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
