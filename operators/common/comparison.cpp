#include "operators/common/comparison.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "flow/inference.hpp"

namespace flow::operators {
namespace {

constexpr std::array<std::pair<std::string_view, Comparator>, 6> kOperators = {
    {{"==", Comparator::kEqual},
     {"!=", Comparator::kNotEqual},
     {"<=", Comparator::kLessEqual},
     {">=", Comparator::kGreaterEqual},
     {"<", Comparator::kLess},
     {">", Comparator::kGreater}}};

bool is_name(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || c == '_' || c == '.' || c == '@' || byte >= 0x80;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Comparison run() {
    Comparison result;
    skip_space();
    result.field = field();
    skip_space();
    result.comparator = comparator();
    skip_space();
    literal(result);
    skip_space();
    if (at_ < text_.size()) {
      fail("one comparison ends here: join several conditions by several filters");
    }
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw OptionFailure("where",
                        "column " + std::to_string(at_ + 1) + ": " + what +
                            " (in: " + std::string(text_) + ")",
                        {}, static_cast<int64_t>(at_));
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) {
      ++at_;
    }
  }

  // Behind the opening quote; a doubled quote stands for itself.
  std::string quoted(char quote) {
    const size_t begin = at_++;
    std::string result;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c != quote) {
        result += c;
      } else if (at_ < text_.size() && text_[at_] == quote) {
        result += text_[at_++];
      } else {
        return result;
      }
    }
    at_ = begin;
    fail("the closing quote is missing");
  }

  std::string field() {
    const size_t begin = at_;
    if (at_ < text_.size() && text_[at_] == '`') {
      std::string name = quoted('`');
      if (!name.empty()) return name;
      at_ = begin;
      fail("a field name is missing between the backquotes");
    }
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    if (at_ == begin || (text_[begin] >= '0' && text_[begin] <= '9')) {
      at_ = begin;
      fail("a field name is missing, eg: status >= 400");
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  Comparator comparator() {
    const std::string_view rest = text_.substr(at_);
    for (const auto& [name, comparator] : kOperators) {
      if (rest.substr(0, name.size()) == name) {
        at_ += name.size();
        return comparator;
      }
    }
    fail(rest.substr(0, 1) == "=" ? "write == to compare" : "one of == != < <= > >= is missing");
  }

  void literal(Comparison& result) {
    const std::string_view rest = text_.substr(at_);
    if (rest.empty()) fail("a number, a text in quotes, true or false is missing");
    if (rest.front() == '\'' || rest.front() == '"') {
      result.literal = quoted(rest.front());
      return;
    }
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"true", true},
                                      std::pair<std::string_view, bool>{"false", false}}) {
      if (rest.substr(0, word.size()) == word &&
          (rest.size() == word.size() || !is_name(rest[word.size()]))) {
        if (result.comparator != Comparator::kEqual && result.comparator != Comparator::kNotEqual) {
          fail("true and false have no order: compare with == or !=");
        }
        result.literal = value;
        at_ += word.size();
        return;
      }
    }
    number(result, rest);
  }

  void number(Comparison& result, std::string_view rest) {
    const char* const end = rest.data() + rest.size();
    int64_t integer = 0;
    double real = 0;
    const auto as_integer = std::from_chars(rest.data(), end, integer);
    const auto as_real = std::from_chars(rest.data(), end, real);
    // Not the words inf and nan, which from_chars takes as well.
    const size_t digits = rest.front() == '-' ? 1 : 0;
    const bool starts = rest.size() > digits &&
                        (rest[digits] == '.' || (rest[digits] >= '0' && rest[digits] <= '9'));
    if (!starts || as_real.ec != std::errc()) {
      fail("a number, a text in quotes, true or false is missing");
    }
    at_ += static_cast<size_t>(as_real.ptr - rest.data());
    if (as_integer.ec == std::errc() && as_integer.ptr == as_real.ptr) {
      result.literal = integer;
    } else {
      result.literal = real;
    }
    if (at_ < text_.size() && is_name(text_[at_])) fail("the number ends oddly");
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Comparison parse_comparison(std::string_view text) { return Parser(text).run(); }

}  // namespace flow::operators
