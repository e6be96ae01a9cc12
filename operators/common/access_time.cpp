#include "operators/common/access_time.hpp"

#include <string_view>

namespace flow::operators {
namespace {

constexpr int64_t kSecondsADay = 86400;
constexpr int64_t kNanosecondsASecond = 1'000'000'000;

// Days from 1970-01-01 to a day of the Gregorian calendar. Years are counted from March, so that
// the leap day is a year's last; 400 of them have 146,097 days.
int64_t days_since_1970(int year, int month, int day) {
  const int shifted_year = month <= 2 ? year - 1 : year;
  const int months_since_march = (month + 9) % 12;
  const int day_of_year = (153 * months_since_march + 2) / 5 + day - 1;
  const int64_t leap_days = shifted_year / 4 - shifted_year / 100 + shifted_year / 400;
  constexpr int64_t kFrom0000March = 719468;
  return int64_t{shifted_year} * 365 + leap_days + day_of_year - kFrom0000March;
}

bool has_form(const char* text) {
  constexpr std::string_view kForm = "00/aaa/0000:00:00:00 +0000";
  static_assert(kForm.size() == AccessTime::kLength);
  for (size_t i = 0; i < kForm.size(); ++i) {
    const char c = text[i];
    switch (kForm[i]) {
      case '0':
        if (c < '0' || c > '9') return false;
        break;
      case 'a':
        break;  // the month's name is looked up
      case '+':
        if (c != '+' && c != '-') return false;
        break;
      default:
        if (c != kForm[i]) return false;
    }
  }
  return true;
}

int month_of(std::string_view name) {
  constexpr std::string_view kNames = "JanFebMarAprMayJunJulAugSepOctNovDec";
  for (size_t at = 0; at < kNames.size(); at += 3) {
    if (kNames.substr(at, 3) == name) return static_cast<int>(at / 3) + 1;
  }
  return 0;
}

int days_of(int month, int year) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return kDays[static_cast<size_t>(month) - 1] + (month == 2 && leap ? 1 : 0);
}

}  // namespace

bool AccessTime::convert(const char* text, int64_t& nanoseconds) {
  if (!has_form(text)) return false;
  const auto two = [text](int at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  const int day = two(0);
  const int month = month_of({text + 3, 3});
  const int year = two(7) * 100 + two(9);
  const int hour = two(12);
  const int minute = two(15);
  const int second = two(18);
  const int zone_hour = two(22);
  const int zone_minute = two(24);
  // Nanoseconds in 64 bits reach from 1677 to 2262.
  if (month == 0 || year < 1700 || year > 2261 || day < 1 || day > days_of(month, year) ||
      hour > 23 || minute > 59 || second > 60 || zone_hour > 23 || zone_minute > 59) {
    return false;
  }
  const int zone = (zone_hour * 3600 + zone_minute * 60) * (text[21] == '-' ? -1 : 1);
  nanoseconds = (days_since_1970(year, month, day) * kSecondsADay + hour * 3600 + minute * 60 +
                 second - zone) *
                kNanosecondsASecond;
  return true;
}

}  // namespace flow::operators
