#include "operators/common/json_scanner.hpp"

#include <charconv>
#include <cmath>

#include "flow/utf8.hpp"

namespace flow::operators {
namespace {

unsigned hex4(const char* digits) {
  unsigned value = 0;
  std::from_chars(digits, digits + 4, value, 16);
  return value;
}

}  // namespace

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
