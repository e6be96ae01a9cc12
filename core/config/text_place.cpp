#include "core/config/text_place.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flow/utf8.hpp"

namespace flowrun {
namespace {

// Index of the byte at a line and column, which count characters from 1; npos: there is none.
std::size_t index_of(std::string_view document, const Place& place) {
  std::size_t at = 0;
  for (std::uint32_t line = 1; line < place.line; ++line) {
    const std::size_t end = document.find('\n', at);
    if (end == std::string_view::npos) return end;
    at = end + 1;
  }
  for (std::uint32_t column = 1; column < place.column; ++column) {
    if (at >= document.size() || document[at] == '\n') return std::string_view::npos;
    ++at;
    while (at < document.size() && flow::is_utf8_continuation(document[at])) ++at;
  }
  return at;
}

void append_utf8(std::string& text, std::uint32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | (code >> 6));
    text += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | (code >> 12));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    text += static_cast<char>(0xF0 | (code >> 18));
    text += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// Reads a TOML string as the parser did, and remembers where each of its bytes comes from.
class StringReader {
 public:
  StringReader(std::string_view document, std::size_t begin) : document_(document), at_(begin) {}

  // False: there is no string, or one that this does not understand.
  bool read() {
    if (at_ >= document_.size()) return false;
    const char quote = document_[at_];
    if (quote != '"' && quote != '\'') return false;
    const std::string triple(3, quote);
    const bool multi_line = document_.substr(at_, 3) == triple;
    at_ += multi_line ? 3 : 1;
    if (multi_line) skip_line_end();
    while (at_ < document_.size()) {
      if (multi_line ? ends_multi_line(triple) : document_[at_] == quote) {
        origin_.push_back(at_);
        return true;
      }
      if (document_[at_] == '\\' && quote == '"') {
        if (!read_escape()) return false;
      } else {
        take(std::string(1, document_[at_]), at_);
        ++at_;
      }
    }
    return false;
  }

  const std::string& text() const { return text_; }
  // Index in the document of a byte of the text, or of the closing quote.
  std::size_t origin(std::size_t offset) const { return origin_[offset]; }

 private:
  void take(const std::string& bytes, std::size_t origin) {
    text_ += bytes;
    origin_.insert(origin_.end(), bytes.size(), origin);
  }
  bool skip_line_end() {
    if (document_.substr(at_, 2) == "\r\n") {
      at_ += 2;
      return true;
    }
    if (at_ < document_.size() && document_[at_] == '\n') {
      ++at_;
      return true;
    }
    return false;
  }
  // Up to two quotes may stand before the closing three.
  bool ends_multi_line(const std::string& triple) const {
    return document_.substr(at_, 3) == triple &&
           (at_ + 3 >= document_.size() || document_[at_ + 3] != triple[0]);
  }
  bool read_escape() {
    const std::size_t begin = at_++;
    if (at_ >= document_.size()) return false;
    constexpr std::string_view kLetters = "btnfre\"\\";
    constexpr std::string_view kMeanings = "\b\t\n\f\r\x1B\"\\";
    const char letter = document_[at_];
    if (const std::size_t known = kLetters.find(letter); known != std::string_view::npos) {
      take(std::string(1, kMeanings[known]), begin);
      ++at_;
      return true;
    }
    if (letter == 'u' || letter == 'U') return read_code_point(begin, letter == 'u' ? 4 : 8);
    // A backslash at a line's end: the white space behind it is none of the text.
    while (at_ < document_.size() && (document_[at_] == ' ' || document_[at_] == '\t')) ++at_;
    if (!skip_line_end()) return false;
    const std::size_t next = document_.find_first_not_of(" \t\r\n", at_);
    at_ = next == std::string_view::npos ? document_.size() : next;
    return true;
  }
  bool read_code_point(std::size_t begin, std::size_t digits) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::uint32_t code = 0;
    ++at_;
    for (std::size_t i = 0; i < digits; ++i, ++at_) {
      if (at_ >= document_.size()) return false;
      const char c = document_[at_];
      const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
      const std::size_t value = kDigits.find(lower);
      if (value == std::string_view::npos) return false;
      code = code * 16 + static_cast<std::uint32_t>(value);
    }
    std::string bytes;
    append_utf8(bytes, code);
    take(bytes, begin);
    return true;
  }

  std::string_view document_;
  std::size_t at_;
  std::string text_;
  std::vector<std::size_t> origin_;  // one a byte, and that of the closing quote
};

}  // namespace

Place place_inside(const Value& value, std::size_t offset, std::string_view document) {
  const std::string* text = value.text();
  if (text == nullptr || offset > text->size() || value.place.line == 0) return value.place;
  const std::size_t begin = index_of(document, value.place);
  if (begin == std::string_view::npos) return value.place;
  StringReader reader(document, begin);
  if (!reader.read() || reader.text() != *text) return value.place;
  const std::size_t end = reader.origin(offset);
  Place place = value.place;
  for (std::size_t at = begin; at < end; ++at) {
    if (document[at] == '\n') {
      ++place.line;
      place.column = 1;
    } else if (!flow::is_utf8_continuation(document[at + 1])) {
      ++place.column;
    }
  }
  return place;
}

}  // namespace flowrun
