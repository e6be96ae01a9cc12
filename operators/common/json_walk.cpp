#include "operators/common/json_walk.hpp"

#include <array>
#include <cstring>

#include "operators/common/json_validate.hpp"

namespace flow::operators {
namespace {

// Powers of ten that a double holds exactly.
constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The value of four hexadecimal digits; -1: they are none.
int code_unit(const char* at, const char* end) {
  if (end - at < 4) return -1;
  int unit = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    const char lower = static_cast<char>(c | 0x20);
    if (is_digit(c)) {
      unit = unit * 16 + (c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      unit = unit * 16 + (lower - 'a' + 10);
    } else {
      return -1;
    }
  }
  return unit;
}

// Behind an escape whose backslash is at `at`.
const char* skip_escape(const char* at, const char* end) {
  if (end - at < 2) return nullptr;
  const char c = at[1];
  at += 2;
  if (c != 'u')
    return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos ? at : nullptr;
  const int unit = code_unit(at, end);
  if (unit < 0) return nullptr;
  at += 4;
  if (unit < 0xD800 || unit > 0xDFFF) return at;
  if (unit > 0xDBFF || end - at < 2 || at[0] != '\\' || at[1] != 'u') return nullptr;
  const int low = code_unit(at + 2, end);
  return low >= 0xDC00 && low <= 0xDFFF ? at + 6 : nullptr;
}

const char* skip_word(const char* at, const char* end, std::string_view word) {
  const auto size = static_cast<std::ptrdiff_t>(word.size());
  if (end - at < size || std::memcmp(at, word.data(), word.size()) != 0) return nullptr;
  return at + size;
}

// The fields of an object, or the elements of an array, from behind the opening bracket.
const char* skip_members(const char* at, const char* end, char closing, JsonTraits& traits,
                         int depth) {
  at = skip_json_space(at, end);
  if (at < end && *at == closing) return at + 1;
  while (true) {
    if (closing == '}') {
      if (at >= end || *at != '"') return nullptr;
      at = skip_json_string(at + 1, end, traits);
      if (at == nullptr) return nullptr;
      at = skip_json_space(at, end);
      if (at >= end || *at != ':') return nullptr;
      at = skip_json_space(at + 1, end);
    }
    at = skip_json_value(at, end, traits, depth + 1);
    if (at == nullptr) return nullptr;
    at = skip_json_space(at, end);
    if (at >= end) return nullptr;
    if (*at == closing) return at + 1;
    if (*at != ',') return nullptr;
    at = skip_json_space(at + 1, end);
  }
}

}  // namespace

const char* skip_json_string_slowly(const char* at, const char* end, JsonTraits& traits) {
  while (at < end) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte == '"') return at + 1;
    if (byte == '\\') {
      traits.escaped = true;
      at = skip_escape(at, end);
      if (at == nullptr) return nullptr;
#if defined(__SSSE3__)
      return skip_json_string(at, end, traits);
#else
      continue;
#endif
    }
    if (byte < 0x20) return nullptr;
    traits.beyond_ascii |= byte >= 0x80;
    ++at;
  }
  return nullptr;
}

bool JsonNumber::real(double& value) const {
  // Both are exact as doubles, so that their quotient is rounded only once.
  constexpr uint64_t kExact = uint64_t{1} << 53;
  if (has_exponent || count > 18 || digits > kExact || decimals >= int{kPowersOfTen.size()}) {
    return false;
  }
  const double magnitude =
      static_cast<double>(digits) / kPowersOfTen[static_cast<size_t>(decimals)];
  value = negative ? -magnitude : magnitude;
  return true;
}

const char* skip_json_number(const char* at, const char* end, JsonNumber& number) {
  number.negative = at < end && *at == '-';
  if (number.negative) ++at;
  if (at >= end || !is_digit(*at)) return nullptr;
  uint64_t digits = 0;
  const char* first = at;
  if (*at == '0') {
    ++at;
    if (at < end && is_digit(*at)) return nullptr;
    first = at;
  }
  for (; at < end && is_digit(*at); ++at) digits = digits * 10 + static_cast<uint64_t>(*at - '0');
  number.count = static_cast<int>(at - first);
  if (at < end && *at == '.') {
    const char* const point = at++;
    for (; at < end && is_digit(*at); ++at) digits = digits * 10 + static_cast<uint64_t>(*at - '0');
    number.decimals = static_cast<int>(at - point - 1);
    if (number.decimals == 0) return nullptr;
    number.count += number.decimals;
  }
  number.digits = digits;
  if (at < end && (*at == 'e' || *at == 'E')) {
    number.has_exponent = true;
    ++at;
    if (at < end && (*at == '+' || *at == '-')) ++at;
    if (at >= end || !is_digit(*at)) return nullptr;
    while (at < end && is_digit(*at)) ++at;
  }
  return at;
}

const char* skip_json_value(const char* at, const char* end, JsonTraits& traits, int depth) {
  if (at >= end || depth > kMostJsonDepth) return nullptr;
  switch (*at) {
    case '"':
      return skip_json_string(at + 1, end, traits);
    case '{':
      return skip_members(at + 1, end, '}', traits, depth);
    case '[':
      return skip_members(at + 1, end, ']', traits, depth);
    case 't':
      return skip_word(at, end, "true");
    case 'f':
      return skip_word(at, end, "false");
    case 'n':
      return skip_word(at, end, "null");
    default: {
      JsonNumber number;
      return skip_json_number(at, end, number);
    }
  }
}

}  // namespace flow::operators
