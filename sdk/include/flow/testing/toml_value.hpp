// Option values from their TOML text: defaults and examples of descriptors. A test needs no TOML
// library for these; the engine has a real one, and its own tests hold the two together.
#pragma once

#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/options.hpp"

namespace flow::testing {

// Reads one value, or a whole document. What is wrong is thrown as std::invalid_argument with its
// line. Dates are read as text. Not checked: keys that are given twice.
class TomlReader {
 public:
  explicit TomlReader(std::string_view text) : text_(text) {}

  // The only value of the text: "10", "\"1MiB\"", "[\"a\", \"b\"]", "{ a = 1 }".
  static Value value(std::string_view text) {
    TomlReader reader(text);
    reader.skip(true);
    Value result = reader.read_value();
    reader.skip(true);
    if (!reader.at_end()) reader.refuse("something follows the value");
    return result;
  }

  // The document as one value of type table.
  static Value document(std::string_view text) {
    TomlReader reader(text);
    Value root;
    root.type = FLOW_OPTION_TABLE;
    std::vector<std::string> header;
    for (reader.skip(true); !reader.at_end(); reader.skip(true)) {
      if (reader.take('[')) {
        const bool many = reader.take('[');
        header = reader.read_key();
        reader.expect(']');
        if (many) reader.expect(']');
        place(root, header);
      } else {
        // Looked up anew: a place does not survive what is added beside it.
        reader.read_pair(place(root, header));
      }
    }
    return root;
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    size_t line = 1;
    for (size_t i = 0; i < at_ && i < text_.size(); ++i) line += text_[i] == '\n' ? 1 : 0;
    throw std::invalid_argument("TOML line " + std::to_string(line) + ": " + problem);
  }
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char wanted) {
    if (peek() != wanted || at_end()) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view wanted) {
    if (text_.substr(at_, wanted.size()) != wanted) return false;
    at_ += wanted.size();
    return true;
  }
  void expect(char wanted) {
    skip(false);
    if (!take(wanted)) refuse(std::string("'") + wanted + "' is missing");
  }
  void skip(bool lines) {
    while (!at_end()) {
      const char c = peek();
      if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r'))) {
        ++at_;
      } else if (c == '#') {
        while (!at_end() && peek() != '\n') ++at_;
      } else {
        break;
      }
    }
  }

  static Value& place(Value& table, const std::vector<std::string>& path) {
    Value* at = &table;
    for (const std::string& name : path) at = &member(*at, name);
    return *at;
  }
  static Value& member(Value& table, const std::string& name) {
    for (auto& [known, item] : table.items) {
      if (known == name) return item;
    }
    table.items.emplace_back(name, Value{});
    table.items.back().second.type = FLOW_OPTION_TABLE;
    return table.items.back().second;
  }

  std::vector<std::string> read_key() {
    std::vector<std::string> path;
    do {
      skip(false);
      if (peek() == '"' || peek() == '\'') {
        path.push_back(read_text());
      } else {
        const size_t begin = at_;
        while (!at_end() && (std::isalnum(static_cast<unsigned char>(peek())) != 0 ||
                             peek() == '_' || peek() == '-')) {
          ++at_;
        }
        if (begin == at_) refuse("a key is missing");
        path.emplace_back(text_.substr(begin, at_ - begin));
      }
      skip(false);
    } while (take('.'));
    return path;
  }
  void read_pair(Value& table) {
    const std::vector<std::string> path = read_key();
    expect('=');
    skip(false);
    Value value = read_value();
    place(table, path) = std::move(value);
  }

  Value read_value() {
    Value result;
    if (peek() == '"' || peek() == '\'') {
      result.type = FLOW_OPTION_TEXT;
      result.text = read_text();
    } else if (take('[')) {
      result.type = FLOW_OPTION_LIST;
      for (skip(true); !take(']'); skip(true)) {
        result.items.emplace_back("", read_value());
        skip(true);
        if (!take(',') && peek() != ']') refuse("',' or ']' is missing");
      }
    } else if (take('{')) {
      result.type = FLOW_OPTION_TABLE;
      for (skip(true); !take('}'); skip(true)) {
        read_pair(result);
        skip(true);
        if (!take(',') && peek() != '}') refuse("',' or '}' is missing");
      }
    } else {
      read_scalar(result);
    }
    return result;
  }

  void read_scalar(Value& result) {
    const size_t begin = at_;
    while (!at_end() && std::string_view(" \t\r\n,]}#").find(peek()) == std::string_view::npos)
      ++at_;
    std::string word(text_.substr(begin, at_ - begin));
    if (word.empty()) refuse("a value is missing");
    if (word == "true" || word == "false") {
      result.type = FLOW_OPTION_BOOL;
      result.integer = word == "true" ? 1 : 0;
      return;
    }
    std::string digits;
    for (const char c : word) {
      if (c != '_') digits += c;
    }
    int base = 10;
    if (digits.size() > 2 && digits[0] == '0') {
      base = digits[1] == 'x' ? 16 : digits[1] == 'o' ? 8 : digits[1] == 'b' ? 2 : 10;
    }
    const char* start = digits.c_str() + (base == 10 ? 0 : 2);
    char* end = nullptr;
    errno = 0;
    const long long integer = std::strtoll(start, &end, base);
    if (*end == '\0' && errno == 0) {
      result.type = FLOW_OPTION_INT;
      result.integer = integer;
      result.number = static_cast<double>(integer);
      return;
    }
    const double number = std::strtod(digits.c_str(), &end);
    if (*end == '\0') {
      result.type = FLOW_OPTION_FLOAT;
      result.number = number;
      return;
    }
    if (std::isdigit(static_cast<unsigned char>(word[0])) == 0)
      refuse("'" + word + "' is no value");
    result.type = FLOW_OPTION_TEXT;
    result.text = word;
  }

  std::string read_text() {
    const char quote = peek();
    const std::string triple(3, quote);
    const bool several_lines = take(triple);
    if (several_lines) {
      take('\r');
      take('\n');
    } else {
      ++at_;
    }
    std::string text;
    while (true) {
      if (at_end() || (!several_lines && peek() == '\n')) refuse("a text does not end");
      if (several_lines ? take(triple) : take(quote)) return text;
      if (quote == '"' && take('\\')) {
        read_escape(text);
      } else {
        text += text_[at_++];
      }
    }
  }

  void read_escape(std::string& text) {
    const char c = peek();
    ++at_;
    switch (c) {
      case 'n':
        text += '\n';
        return;
      case 't':
        text += '\t';
        return;
      case 'r':
        text += '\r';
        return;
      case 'b':
        text += '\b';
        return;
      case 'f':
        text += '\f';
        return;
      case '"':
      case '\\':
        text += c;
        return;
      case 'u':
      case 'U':
        append_code_point(text, c == 'u' ? 4 : 8);
        return;
      case '\r':
      case '\n':
        while (!at_end() && std::isspace(static_cast<unsigned char>(peek())) != 0) ++at_;
        return;
      default:
        refuse("an unknown escape in a text");
    }
  }
  void append_code_point(std::string& text, size_t digits) {
    const std::string hex(text_.substr(at_, digits));
    at_ += digits;
    const auto code = static_cast<uint32_t>(std::strtoul(hex.c_str(), nullptr, 16));
    const auto byte = [&](uint32_t value) { text += static_cast<char>(value); };
    if (code < 0x80) {
      byte(code);
    } else if (code < 0x800) {
      byte(0xc0 | code >> 6);
      byte(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      byte(0xe0 | code >> 12);
      byte(0x80 | (code >> 6 & 0x3f));
      byte(0x80 | (code & 0x3f));
    } else {
      byte(0xf0 | code >> 18);
      byte(0x80 | (code >> 12 & 0x3f));
      byte(0x80 | (code >> 6 & 0x3f));
      byte(0x80 | (code & 0x3f));
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

namespace detail {

// "1h30m", "5ms", "256KiB": a sum of numbers with a unit each. Throws std::invalid_argument.
inline int64_t read_quantity(std::string_view text,
                             const std::vector<std::pair<std::string_view, int64_t>>& units) {
  const std::string whole(text);
  const auto refuse = [&]() -> int64_t {
    throw std::invalid_argument("\"" + whole + "\" is no number with a unit");
  };
  if (text == "0") return 0;
  if (text.empty()) return refuse();
  double total = 0;
  int64_t exact = 0;
  while (!text.empty()) {
    size_t digits = 0;
    while (digits < text.size() &&
           (std::isdigit(static_cast<unsigned char>(text[digits])) != 0 || text[digits] == '.')) {
      ++digits;
    }
    const std::string number(text.substr(0, digits));
    text.remove_prefix(digits);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    size_t letters = 0;
    while (letters < text.size() && std::isdigit(static_cast<unsigned char>(text[letters])) == 0) {
      ++letters;
    }
    int64_t factor = 0;
    for (const auto& [name, size] : units) {
      if (name == text.substr(0, letters)) factor = size;
    }
    if (number.empty() || factor == 0) return refuse();
    text.remove_prefix(letters);
    if (number.find('.') == std::string::npos) {
      int64_t part = 0;
      if (__builtin_mul_overflow(std::strtoll(number.c_str(), nullptr, 10), factor, &part) ||
          __builtin_add_overflow(exact, part, &exact)) {
        return refuse();
      }
    } else {
      total += std::strtod(number.c_str(), nullptr) * static_cast<double>(factor);
    }
  }
  return exact + std::llround(total);
}

}  // namespace detail

// Nanoseconds of "10s", "5ms", "1h30m".
inline int64_t read_duration(std::string_view text) {
  return detail::read_quantity(text, {{"d", 86'400'000'000'000},
                                      {"h", 3'600'000'000'000},
                                      {"m", 60'000'000'000},
                                      {"min", 60'000'000'000},
                                      {"s", 1'000'000'000},
                                      {"ms", 1'000'000},
                                      {"us", 1'000},
                                      {"ns", 1}});
}

// Bytes of "256KiB", "1MB".
inline int64_t read_size(std::string_view text) {
  return detail::read_quantity(text, {{"TiB", int64_t{1} << 40},
                                      {"TB", 1'000'000'000'000},
                                      {"GiB", int64_t{1} << 30},
                                      {"GB", 1'000'000'000},
                                      {"MiB", int64_t{1} << 20},
                                      {"MB", 1'000'000},
                                      {"KiB", int64_t{1} << 10},
                                      {"kB", 1'000},
                                      {"B", 1}});
}

}  // namespace flow::testing
