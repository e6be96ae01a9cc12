#include "operators/common/json_array.hpp"

#include <cstdint>

namespace flow::operators {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

bool JsonArrayScanner::is_array(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && is_space(text[at])) ++at;
  return at < text.size() && text[at] == '[';
}

void JsonArrayScanner::skip_space() {
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
}

bool JsonArrayScanner::give_up() {
  broken_ = true;
  return false;
}

// From the opening quote to behind the closing one.
bool JsonArrayScanner::skip_string() {
  ++at_;
  while (true) {
    at_ = text_.find_first_of("\"\\", at_);
    if (at_ == std::string_view::npos) {
      at_ = text_.size();
      return false;
    }
    if (text_[at_] == '"') {
      ++at_;
      return true;
    }
    at_ += 2;
  }
}

bool JsonArrayScanner::skip_value() {
  int64_t depth = 0;
  const size_t begin = at_;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      if (!skip_string()) return false;
      if (depth == 0) return true;
      continue;
    }
    if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      if (depth == 0) return at_ > begin;
      if (--depth == 0) {
        ++at_;
        return true;
      }
    } else if (depth == 0 && (c == ',' || is_space(c))) {
      return at_ > begin;
    }
    ++at_;
  }
  return false;
}

bool JsonArrayScanner::next() {
  if (broken_) return false;
  const bool first = at_ == 0;
  skip_space();
  if (first) {
    if (at_ == text_.size() || text_[at_] != '[') return give_up();
    ++at_;
    skip_space();
  }
  if (at_ >= text_.size()) return give_up();
  if (text_[at_] == ']') {
    const size_t end = at_;
    ++at_;
    skip_space();
    if (at_ != text_.size()) return give_up();
    at_ = end;
    return false;
  }
  if (!first) {
    if (text_[at_] != ',') return give_up();
    ++at_;
    skip_space();
  }
  const size_t begin = at_;
  if (!skip_value()) return give_up();
  value_ = text_.substr(begin, at_ - begin);
  return true;
}

}  // namespace flow::operators
