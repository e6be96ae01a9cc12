#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "bench/yardstick/json_text.hpp"

/// One line of an access log in the combined format, as views into the line:
///
///   host ident user [datetime] "request" status bytes "referer" "agent"
namespace yardstick {

struct AccessLine {
  std::string_view host;
  std::string_view datetime;
  std::string_view request;
  std::string_view response;
  std::string_view bytes;
  std::string_view referer;
  std::string_view agent;
};

/// A field of "-" is absent; "" is a text.
inline bool present(std::string_view field) { return field.size() != 1 || field[0] != '-'; }

/// Checks "28/Oct/2025:10:15:30 +0000": form, and a date and time that exist. Remembers the last
/// good one, since neighbours mostly share it.
class DatetimeCheck {
 public:
  static constexpr std::size_t kSize = 26;

  bool operator()(const char* text) {
    if (equal(text, last_.data(), kSize)) return true;
    if (!check(text)) return false;
    std::memcpy(last_.data(), text, kSize);
    return true;
  }

 private:
  static bool check(const char* t) {
    constexpr std::string_view kForm = "00/Aaa/0000:00:00:00 +0000";
    for (std::size_t i = 0; i < kSize; ++i) {
      if (kForm[i] == '0' ? t[i] < '0' || t[i] > '9'
                          : kForm[i] != 'A' && kForm[i] != 'a' && kForm[i] != '+' && t[i] != kForm[i]) {
        return false;
      }
    }
    const auto two = [t](int i) { return (t[i] - '0') * 10 + (t[i + 1] - '0'); };
    constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const std::size_t place = kMonths.find(std::string_view(t + 3, 3));
    if (place == std::string_view::npos || place % 3 != 0) return false;
    const std::size_t month = place / 3;
    const int year = two(7) * 100 + two(9);
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int days = kDays[month] + (month == 1 && leap ? 1 : 0);
    return two(0) >= 1 && two(0) <= days && two(12) < 24 && two(15) < 60 && two(18) <= 60 &&
           (t[21] == '+' || t[21] == '-') && two(22) < 24 && two(24) < 60;
  }

  std::array<char, kSize + kSlack> last_{};
};

inline bool all_digits(std::string_view text) {
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return !text.empty();
}

/// Takes a line apart whose six quotes (those that are not escaped) are at quotes[0..5], counted
/// from `base`. Returns nullptr, or why the line is malformed.
inline const char* parse_line(const char* base, std::uint32_t begin, std::uint32_t end,
                              const std::uint32_t* quotes, DatetimeCheck& datetime_is_good,
                              AccessLine& line) {
  const char* const first = base + begin;
  const auto between = [base](std::uint32_t from, std::uint32_t to) {
    return std::string_view(base + from, to - from);
  };
  if (end > begin && base[end - 1] == '\r') --end;
  if (quotes[5] + 1 != end) return "text behind the agent";

  // host ident user [datetime] "
  constexpr std::uint32_t kBracketed = DatetimeCheck::kSize + 4;  // space [ ... ] space: 30
  if (quotes[0] < begin + 1 + kBracketed + 3) return "no host, user and time";
  const char* const bracket = base + quotes[0] - kBracketed + 1;  // at '['
  if (bracket[-1] != ' ' || bracket[0] != '[' || bracket[27] != ']' || bracket[28] != ' ') {
    return "no time in brackets";
  }
  const auto* host_end = first;
  while (*host_end != ' ') ++host_end;
  if (host_end == first || host_end >= bracket - 1) return "no host";
  if (std::memcmp(host_end, " - - [", 6) != 0 || host_end + 5 != bracket) {
    const auto* ident_end = host_end + 1;
    while (*ident_end != ' ') ++ident_end;
    if (ident_end == host_end + 1 || ident_end + 1 >= bracket - 1) return "no user";
  }
  if (!datetime_is_good(bracket + 1)) return "impossible time";
  line.host = {first, static_cast<std::size_t>(host_end - first)};
  line.datetime = {bracket + 1, DatetimeCheck::kSize};
  line.request = between(quotes[0] + 1, quotes[1]);

  // " status bytes "
  const std::string_view numbers = between(quotes[1] + 1, quotes[2]);
  if (numbers.size() < 5 || numbers.front() != ' ' || numbers.back() != ' ') return "no status";
  const std::size_t gap = numbers[4] == ' ' ? 4 : numbers.find(' ', 1);
  if (gap + 2 >= numbers.size()) return "no size";
  line.response = numbers.substr(1, gap - 1);
  line.bytes = numbers.substr(gap + 1, numbers.size() - gap - 2);
  if (present(line.response) && (line.response.size() != 3 || !all_digits(line.response))) {
    return "status is not a number of three digits";
  }
  if (present(line.bytes) && !all_digits(line.bytes)) return "size is not a number";

  if (quotes[4] != quotes[3] + 2 || base[quotes[3] + 1] != ' ') return "no agent";
  line.referer = between(quotes[2] + 1, quotes[3]);
  line.agent = between(quotes[4] + 1, quotes[5]);
  return nullptr;
}

}  // namespace yardstick
