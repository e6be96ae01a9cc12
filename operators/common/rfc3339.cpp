#include "operators/common/rfc3339.hpp"

#include <chrono>

#include "operators/common/digits.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kDay = 86'400;

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// Seconds east of Greenwich.
std::optional<int> take_offset(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return 0;
  const bool east = take(text, '+');
  if (!east && !take(text, '-')) return std::nullopt;
  const int hours = take_digits(text, 2);
  if (hours < 0 || hours > 23 || !take(text, ':')) return std::nullopt;
  const int minutes = take_digits(text, 2);
  if (minutes < 0 || minutes > 59) return std::nullopt;
  const int seconds = hours * 3600 + minutes * 60;
  return east ? seconds : -seconds;
}

}  // namespace

char* format_rfc3339(int64_t nanoseconds, char* out) {
  int64_t seconds = nanoseconds / kSecond;
  auto fraction = nanoseconds % kSecond;
  if (fraction < 0) {
    fraction += kSecond;
    --seconds;
  }
  int64_t days = seconds / kDay;
  auto rest = seconds % kDay;
  if (rest < 0) {
    rest += kDay;
    --days;
  }
  const std::chrono::year_month_day date(
      std::chrono::sys_days(std::chrono::days(static_cast<int>(days))));
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  const auto second_of_day = static_cast<unsigned>(rest);
  out = two_digits(two_digits(out, year / 100), year % 100);
  *out++ = '-';
  out = two_digits(out, static_cast<unsigned>(date.month()));
  *out++ = '-';
  out = two_digits(out, static_cast<unsigned>(date.day()));
  *out++ = 'T';
  out = two_digits(out, second_of_day / 3600);
  *out++ = ':';
  out = two_digits(out, second_of_day / 60 % 60);
  *out++ = ':';
  out = two_digits(out, second_of_day % 60);
  if (fraction != 0) {
    *out++ = '.';
    for (int64_t unit = kSecond / 10; fraction != 0; unit /= 10) {
      *out++ = static_cast<char>('0' + fraction / unit);
      fraction %= unit;
    }
  }
  *out++ = 'Z';
  return out;
}

std::optional<int64_t> parse_rfc3339(std::string_view text) {
  const int year = take_digits(text, 4);
  if (year < 0 || !take(text, '-')) return std::nullopt;
  const int month = take_digits(text, 2);
  if (month < 0 || !take(text, '-')) return std::nullopt;
  const int day = take_digits(text, 2);
  if (day < 0 || !(take(text, 'T') || take(text, 't') || take(text, ' '))) return std::nullopt;
  const int hour = take_digits(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ':')) return std::nullopt;
  const int minute = take_digits(text, 2);
  if (minute < 0 || minute > 59 || !take(text, ':')) return std::nullopt;
  const int second = take_digits(text, 2);
  if (second < 0 || second > 60) return std::nullopt;
  int64_t fraction = 0;
  if (take(text, '.')) {
    int64_t unit = kSecond / 10;
    bool any = false;
    for (int digit = take_digits(text, 1); digit >= 0; digit = take_digits(text, 1)) {
      fraction += digit * unit;
      unit /= 10;
      any = true;
    }
    if (!any) return std::nullopt;
  }
  const std::optional<int> offset = take_offset(text);
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!offset || !text.empty() || !date.ok()) return std::nullopt;
  const int64_t seconds = std::chrono::sys_days(date).time_since_epoch().count() * kDay +
                          hour * 3600 + minute * 60 + second - *offset;
  return time_at(seconds, fraction);
}

std::optional<int64_t> time_at(int64_t seconds, int64_t fraction) {
  // The first second that there is began before the first nanosecond.
  if (seconds < 0) {
    ++seconds;
    fraction -= kSecond;
  }
  int64_t result = 0;
  if (__builtin_mul_overflow(seconds, kSecond, &result) ||
      __builtin_add_overflow(result, fraction, &result)) {
    return std::nullopt;
  }
  return result;
}

}  // namespace flow::operators
