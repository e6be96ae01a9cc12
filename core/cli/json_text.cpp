#include "core/cli/json_text.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/observe/text.hpp"

namespace flowrun::cli {

void JsonText::separate() {
  if (std::exchange(after_key_, false)) return;
  if (!first_) text_ += ',';
  if (depth_ > 0) {
    text_ += '\n';
    text_.append(2 * depth_, ' ');
  }
  first_ = false;
}

JsonText& JsonText::begin(char bracket) {
  separate();
  text_ += bracket;
  ++depth_;
  first_ = true;
  return *this;
}

JsonText& JsonText::end(char bracket) {
  --depth_;
  if (!first_) {
    text_ += '\n';
    text_.append(2 * depth_, ' ');
  }
  text_ += bracket;
  first_ = false;
  return *this;
}

JsonText& JsonText::key(std::string_view name) {
  separate();
  append_json_string(text_, name);
  text_ += ": ";
  after_key_ = true;
  return *this;
}

JsonText& JsonText::value(std::string_view text) {
  separate();
  append_json_string(text_, text);
  return *this;
}

// The shortest text that reads back as the same number.
JsonText& JsonText::value(double number) { return literal(fmt::format("{}", number)); }

JsonText& JsonText::literal(std::string_view text) {
  separate();
  text_ += text;
  return *this;
}

std::string JsonText::take() { return std::exchange(text_, {}) + '\n'; }

}  // namespace flowrun::cli
