#include "operators/common/logfmt_parser.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "flow/utf8.hpp"
#include "operators/common/json_writer.hpp"

namespace flow::operators {
namespace {

bool is_blank(char c) { return static_cast<unsigned char>(c) <= ' '; }

// Four hexadecimal digits.
std::optional<char32_t> code_unit(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  char32_t value = 0;
  for (const char c : text.substr(0, 4)) {
    value <<= 4U;
    if (c >= '0' && c <= '9') {
      value |= static_cast<char32_t>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      value |= static_cast<char32_t>((c | 0x20) - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

// Reads the digits behind \u, and the second half of a pair. Returns how many bytes; 0: no escape.
size_t append_code_point(std::string_view text, std::string& out) {
  constexpr char32_t kReplacement = 0xFFFD;
  const std::optional<char32_t> first = code_unit(text);
  if (!first) return 0;
  const bool is_half = *first >= 0xD800 && *first < 0xE000;
  if (!is_half) {
    append_utf8(*first, out);
    return 4;
  }
  if (*first < 0xDC00 && text.substr(4).starts_with("\\u")) {
    const std::optional<char32_t> second = code_unit(text.substr(6));
    if (second && *second >= 0xDC00 && *second < 0xE000) {
      append_utf8(0x10000 + ((*first - 0xD800) << 10U) + (*second - 0xDC00), out);
      return 10;
    }
  }
  append_utf8(kReplacement, out);
  return 4;
}

}  // namespace

void append_unescaped(std::string_view inside, std::string& out) {
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  while (true) {
    const size_t slash = inside.find('\\');
    out.append(inside.substr(0, slash));
    if (slash == std::string_view::npos) return;
    inside.remove_prefix(slash + 1);
    if (inside.empty()) {
      out += '\\';
      return;
    }
    const size_t known = kEscapes.find(inside[0]);
    if (known != std::string_view::npos) {
      out += kMeanings[known];
      inside.remove_prefix(1);
      continue;
    }
    const size_t used = inside[0] == 'u' ? append_code_point(inside.substr(1), out) : 0;
    if (used == 0) {
      out += '\\';
    } else {
      inside.remove_prefix(1 + used);
    }
  }
}

void append_logfmt_value(std::string_view value, std::string& out) {
  const bool plain = !value.empty() && std::none_of(value.begin(), value.end(), [](char c) {
    return is_blank(c) || c == '"' || c == '=' || c == '\\' || c == '\x7f';
  });
  if (plain) {
    out.append(value);
    return;
  }
  out += '"';
  const size_t begin = out.size();
  out.resize(begin + value.size() * kEscapeExpansion + kWriteSlack);
  const char* const end = write_escaped(out.data() + begin, value);
  out.resize(static_cast<size_t>(end - out.data()));
  out += '"';
}

std::string logfmt_name(std::string_view name) {
  std::string result(name);
  for (char& c : result) {
    if (is_blank(c) || c == '=' || c == '"') c = '_';
  }
  return result.empty() ? "_" : result;
}

const char* LogfmtParser::refuse(const char* reason, size_t at, const char* what) {
  message_ = "column " + std::to_string(at + 1) + ": " + what;
  return reason;
}

const char* LogfmtParser::split(std::string_view text) {
  pairs_.clear();
  size_t at = 0;
  while (true) {
    while (at < text.size() && is_blank(text[at])) ++at;
    if (at == text.size()) break;
    const size_t name = at;
    while (at < text.size() && !is_blank(text[at]) && text[at] != '=') ++at;
    if (at == name) return refuse("no_name", at, "there is no name before the =");
    const std::string_view key = text.substr(name, at - name);
    if (at == text.size() || text[at] != '=') {
      pairs_.push_back({key, "true", false, false});
      continue;
    }
    ++at;
    if (at == text.size() || text[at] != '"') {
      const size_t value = at;
      while (at < text.size() && !is_blank(text[at])) ++at;
      pairs_.push_back({key, text.substr(value, at - value), false, true});
      continue;
    }
    const size_t open = at;
    bool is_escaped = false;
    ++at;
    while (true) {
      at = text.find_first_of("\"\\", at);
      if (at == std::string_view::npos) {
        return refuse("unclosed_quote", open, "the quote is not closed");
      }
      if (text[at] == '"') break;
      is_escaped = true;
      at += 2;
    }
    pairs_.push_back({key, text.substr(open + 1, at - open - 1), is_escaped, !is_escaped});
    ++at;
    if (at < text.size() && !is_blank(text[at])) {
      return refuse("text_after_quote", at, "text behind a closing quote");
    }
  }
  if (pairs_.empty()) return refuse("no_fields", 0, "there is no name and no value");
  return nullptr;
}

const char* LogfmtParser::put(const Pair& pair, const TextPlace& place) {
  if (pair.name.find('\0') != std::string_view::npos) {
    return refuse("no_name", 0, "a name contains a NUL character");
  }
  std::string_view value = pair.value;
  if (pair.is_escaped) {
    value_.clear();
    append_unescaped(value, value_);
    value = value_;
  }
  const FieldRows::Result result =
      rows_.put(pair.name, value, pair.is_inside ? place : TextPlace());
  if (result == FieldRows::Result::kDone) return nullptr;
  if (result == FieldRows::Result::kFull) return kBatchFull;
  message_ = rows_.complaint(result, pair.name, value);
  return FieldRows::reason(result);
}

const char* LogfmtParser::add(std::string_view text, const TextPlace& place) {
  if (rows_.is_full()) return kBatchFull;
  const char* reason = split(text);
  if (reason != nullptr) return reason;
  for (const Pair& pair : pairs_) {
    reason = put(pair, place);
    if (reason != nullptr) {
      rows_.forget_row();
      return reason;
    }
  }
  rows_.end_row();
  return nullptr;
}

}  // namespace flow::operators
