#include "operators/common/json_scanner.hpp"

#include <charconv>
#include <cmath>

#include "operators/common/utf8.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace flow::operators {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The next `"` or `\` at or behind `at`, which is not behind the text's end.
const char* find_quote(const char* at) {
#if defined(__SSE2__)
  while (true) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const int hits = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                    _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
    if (hits != 0) return at + __builtin_ctz(static_cast<unsigned>(hits));
    at += 16;
  }
#else
  while (*at != '"' && *at != '\\') ++at;
  return at;
#endif
}

// The next quote, brace or bracket.
const char* find_structure(const char* at) {
#if defined(__SSE2__)
  while (true) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // 0x20 apart: '[' and '{', ']' and '}'.
    const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    const int hits =
        _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                       _mm_or_si128(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')),
                                                    _mm_cmpeq_epi8(folded, _mm_set1_epi8('}')))));
    if (hits != 0) return at + __builtin_ctz(static_cast<unsigned>(hits));
    at += 16;
  }
#else
  while (*at != '"' && *at != '{' && *at != '}' && *at != '[' && *at != ']') ++at;
  return at;
#endif
}

unsigned hex4(const char* digits) {
  unsigned value = 0;
  std::from_chars(digits, digits + 4, value, 16);
  return value;
}

}  // namespace

bool JsonObjectScanner::is_object(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && is_space(text[at])) ++at;
  return at < text.size() && text[at] == '{';
}

JsonObjectScanner::JsonObjectScanner(std::string_view text)
    : at_(text.data()), end_(text.data() + text.size()) {
  skip_space();
  ++at_;
}

void JsonObjectScanner::skip_space() {
  while (at_ < end_ && is_space(*at_)) ++at_;
}

// Behind the closing quote of the string whose inside begins at `at`.
const char* JsonObjectScanner::string_end(const char* at) const {
  while (at < end_) {
    at = find_quote(at);
    if (*at == '"') return at + 1;
    at += 2;
  }
  return end_;
}

const char* JsonObjectScanner::value_end(const char* at) const {
  if (*at == '"') return string_end(at + 1);
  if (*at == '{' || *at == '[') {
    int64_t depth = 0;
    while (at < end_) {
      at = find_structure(at);
      if (*at == '"') {
        at = string_end(at + 1);
        continue;
      }
      depth += *at == '{' || *at == '[' ? 1 : -1;
      ++at;
      if (depth == 0) return at;
    }
    return end_;
  }
  while (at < end_ && *at != ',' && *at != '}' && !is_space(*at)) ++at;
  return at;
}

bool JsonObjectScanner::next() {
  skip_space();
  if (at_ < end_ && *at_ == ',') {
    ++at_;
    skip_space();
  }
  if (at_ >= end_ || *at_ != '"') return false;
  const char* const key_end = string_end(at_ + 1);
  key_ = {at_ + 1, static_cast<size_t>(key_end - at_ - 2)};
  at_ = key_end;
  skip_space();
  ++at_;  // the colon
  skip_space();
  const char* const value_stop = value_end(at_);
  value_ = {at_, static_cast<size_t>(value_stop - at_)};
  at_ = value_stop;
  return true;
}

void unescape_json(std::string_view inside, std::string& out) {
  constexpr char32_t kReplacement = 0xFFFD;
  out.clear();
  for (size_t at = 0; at < inside.size();) {
    const size_t escape = inside.find('\\', at);
    if (escape == std::string_view::npos || escape + 1 >= inside.size()) {
      out += inside.substr(at);
      return;
    }
    out += inside.substr(at, escape - at);
    at = escape + 2;
    switch (const char c = inside[escape + 1]) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        if (at + 4 > inside.size()) return;
        char32_t unit = hex4(inside.data() + at);
        at += 4;
        if (unit >= 0xD800 && unit < 0xDC00 && inside.substr(at, 2) == "\\u" &&
            at + 6 <= inside.size()) {
          const char32_t low = hex4(inside.data() + at + 2);
          if (low >= 0xDC00 && low < 0xE000) {
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            at += 6;
          }
        }
        append_utf8(unit >= 0xD800 && unit < 0xE000 ? kReplacement : unit, out);
        break;
      }
      default:
        out += c;
        break;
    }
  }
}

std::optional<double> json_number(std::string_view token) {
  double value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error != std::errc() || end != token.data() + token.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<int64_t> json_integer(std::string_view token) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error == std::errc() && end == token.data() + token.size()) return value;
  if (error != std::errc()) return std::nullopt;
  const std::optional<double> number = json_number(token);
  // Above 2^53 a double does not say which integer was meant.
  if (!number || std::trunc(*number) != *number || std::fabs(*number) > 9007199254740992.0) {
    return std::nullopt;
  }
  return static_cast<int64_t>(*number);
}

std::optional<int64_t> json_timestamp(std::string_view token) {
  constexpr int64_t kSecond = 1'000'000'000;
  int64_t nanoseconds = 0;
  if (const std::optional<int64_t> seconds = json_integer(token)) {
    if (__builtin_mul_overflow(*seconds, kSecond, &nanoseconds)) return std::nullopt;
    return nanoseconds;
  }
  const std::optional<double> seconds = json_number(token);
  if (!seconds || std::fabs(*seconds) > 9.2e9) return std::nullopt;
  const double whole = std::floor(*seconds);
  // Rounded to microseconds: below, a double of today's size is noise.
  return static_cast<int64_t>(whole) * kSecond + std::llround((*seconds - whole) * 1e6) * 1000;
}

}  // namespace flow::operators
