#include "operators/common/json_validate.hpp"

#include <string>

namespace flow::operators {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// A recursive descent that remembers the first error. Each member returns false after one.
class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  std::optional<JsonError> run() {
    skip_space();
    if (at_ == text_.size()) return JsonError{at_, "there is no value"};
    if (value(0)) {
      skip_space();
      if (at_ < text_.size()) fail("something follows the value");
    }
    return error_;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool eat(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool fail(const char* what) {
    error_ = JsonError{at_, what};
    return false;
  }
  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  bool value(int depth) {
    if (depth > kMostJsonDepth) return fail("values are nested too deeply");
    switch (peek()) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  bool object(int depth) {
    ++at_;
    skip_space();
    if (eat('}')) return true;
    while (true) {
      if (peek() != '"') return fail("a field name in quotes is missing");
      if (!string()) return false;
      skip_space();
      if (!eat(':')) return fail("a colon is missing");
      skip_space();
      if (!value(depth + 1)) return false;
      skip_space();
      if (eat('}')) return true;
      if (!eat(',')) return fail("a comma or '}' is missing");
      skip_space();
    }
  }

  bool array(int depth) {
    ++at_;
    skip_space();
    if (eat(']')) return true;
    while (true) {
      if (!value(depth + 1)) return false;
      skip_space();
      if (eat(']')) return true;
      if (!eat(',')) return fail("a comma or ']' is missing");
      skip_space();
    }
  }

  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return fail("an unknown word");
    at_ += expected.size();
    return true;
  }

  bool digits() {
    if (!is_digit(peek())) return fail("a digit is missing");
    while (is_digit(peek())) ++at_;
    return true;
  }

  bool number() {
    const size_t begin = at_;
    eat('-');
    if (at_ == begin && !is_digit(peek())) return fail("a value is missing");
    if (eat('0')) {
      if (is_digit(peek())) return fail("a number starts with a superfluous 0");
    } else if (!digits()) {
      return false;
    }
    if (eat('.') && !digits()) return false;
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      return digits();
    }
    return true;
  }

  // The four digits behind `\u`.
  bool code_unit(unsigned& unit) {
    unit = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      if (!is_hex(c)) return fail("\\u needs four hexadecimal digits");
      unit = unit * 16 + static_cast<unsigned>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return true;
  }

  bool escape() {
    const char c = peek();
    ++at_;
    if (c != 'u') {
      if (c != '\0' && std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos)
        return true;
      --at_;
      return fail("an unknown escape");
    }
    unsigned unit = 0;
    if (!code_unit(unit)) return false;
    if (unit < 0xD800 || unit > 0xDFFF) return true;
    if (unit > 0xDBFF || text_.substr(at_, 2) != "\\u") return fail("half of a surrogate pair");
    at_ += 2;
    if (!code_unit(unit)) return false;
    return (unit >= 0xDC00 && unit <= 0xDFFF) || fail("half of a surrogate pair");
  }

  bool string() {
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) return fail("a control character inside a text");
      ++at_;
      if (c == '\\' && !escape()) return false;
    }
    return fail("the closing quote is missing");
  }

  std::string_view text_;
  size_t at_ = 0;
  std::optional<JsonError> error_;
};

}  // namespace

std::optional<JsonError> find_json_error(std::string_view text) { return Checker(text).run(); }

}  // namespace flow::operators
