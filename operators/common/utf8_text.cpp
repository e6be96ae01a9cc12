#include "utf8_text.hpp"

#include "flow/utf8.hpp"

namespace flow::operators {

std::string beginning(std::string_view text, std::size_t longest) {
  const std::string_view shown = utf8_prefix(text, longest);
  std::string result;
  append_repaired_utf8(shown, result);
  if (shown.size() < text.size()) result.append("...");
  return result;
}

bool is_ascii(std::string_view text) {
  unsigned char seen = 0;
  for (const char byte : text)
    seen = static_cast<unsigned char>(seen | static_cast<unsigned char>(byte));
  return seen < 0x80;
}

std::string fold_to_ascii_letters(std::string_view text) {
  constexpr std::string_view kKelvinSign = "\xE2\x84\xAA";
  constexpr std::string_view kLongS = "\xC5\xBF";
  std::string folded;
  folded.reserve(text.size());
  for (std::size_t position = 0; position < text.size();) {
    if (text.substr(position, kKelvinSign.size()) == kKelvinSign) {
      folded += 'k';
      position += kKelvinSign.size();
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
