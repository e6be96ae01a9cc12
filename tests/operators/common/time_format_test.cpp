#include "operators/common/time_format.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace flow::operators::time_format_test {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

std::string written(const std::string& form, int64_t time, const std::string& zone = "UTC") {
  std::string text;
  TimeFormat::compile(form, zone).format(time, text);
  return text;
}

TEST(TimeFormat, ReadsWhatItWrites) {
  struct Case {
    std::string form;
    std::string text;
    int64_t time;
  };
  for (const Case& c : std::vector<Case>{
           {"rfc3339", "2025-10-28T10:15:30.5Z", 1761646530 * kSecond + kSecond / 2},
           {"epoch_s", "1761646530", 1761646530 * kSecond},
           {"epoch_ms", "1761646530123", 1761646530123 * 1'000'000},
           {"epoch_us", "-1", -1000},
           {"epoch_ns", "-9223372036854775808", INT64_MIN},
           {"%d/%b/%Y:%H:%M:%S %z", "28/Oct/2025:10:15:30 +0000", 1761646530 * kSecond},
           {"%Y-%m-%d %H:%M:%S.%f", "1677-09-21 00:12:43.145224192", INT64_MIN},
           {"%Y-%m-%d %H:%M:%S.%f", "2262-04-11 23:47:16.854775807", INT64_MAX},
           {"%Y-%m-%d %H:%M:%S.%f", "2025-10-28 10:15:30.000000001", 1761646530 * kSecond + 1},
           {"%F %T.%3f", "2025-10-28 10:15:30.250", 1761646530 * kSecond + kSecond / 4},
           {"%F %T.%L%:z", "2025-10-28 10:15:30.250+00:00", 1761646530 * kSecond + kSecond / 4},
           {"%A, %B %e %Y %I:%M:%S %p", "Tuesday, October 28 2025 10:15:30 AM",
            1761646530 * kSecond},
           {"%a %e %b %y %R", "Sun  8 Mar 26 00:05", 1772928300 * kSecond},
           {"%Y%j", "2024366", 1735603200 * kSecond},
           {"%s.%9f", "-1.500000000", -kSecond / 2},
           {"%F %T", "1969-12-31 23:59:59", -kSecond},
           {"100%% %D", "100% 02/03/69", -28684800 * kSecond}}) {
    EXPECT_EQ(TimeFormat::compile(c.form).parse(c.text), c.time) << c.form << ' ' << c.text;
    EXPECT_EQ(written(c.form, c.time), c.text);
  }
}

TEST(TimeFormat, OffsetsAndZones) {
  const int64_t summer = 1753700400 * kSecond;  // 2025-07-28 11:00 UTC
  EXPECT_EQ(written("%F %R %z %Z", summer, "Europe/Paris"), "2025-07-28 13:00 +0200 CEST");
  EXPECT_EQ(written("%R %:z", summer, "-03:30"), "07:30 -03:30");
  EXPECT_EQ(TimeFormat::compile("%F %R", "Europe/Paris").parse("2025-07-28 13:00"), summer);
  EXPECT_EQ(TimeFormat::compile("%F %R %z", "Europe/Paris").parse("2025-07-28 06:00 -0500"),
            summer);
  for (const char* text :
       {"2025-07-28 11:00 Z", "2025-07-28 13:00 +02", "2025-07-28 13:00 +02:00"}) {
    EXPECT_EQ(TimeFormat::compile("%F %R %z").parse(text), summer) << text;
  }
}

TEST(TimeFormat, ClocksPutForwardAndBack) {
  const TimeFormat form = TimeFormat::compile("%F %R", "Europe/Paris");
  const auto hours = [](int64_t utc) { return utc * 3600 * kSecond; };
  // 2025-03-30 01:00 UTC = 484249 hours: 02:00 becomes 03:00.
  EXPECT_EQ(form.parse("2025-03-30 01:00"), hours(484248));
  EXPECT_EQ(form.parse("2025-03-30 02:30"), hours(484249) + 1800 * kSecond);
  EXPECT_EQ(form.parse("2025-03-30 03:00"), hours(484249));
  // 2025-10-26 01:00 UTC = 489289 hours: 03:00 becomes 02:00; the first 02:30 counts.
  EXPECT_EQ(form.parse("2025-10-26 02:30"), hours(489288) + 1800 * kSecond);
  EXPECT_EQ(form.parse("2025-10-26 03:00"), hours(489290));
}

TEST(TimeFormat, WhatIsLeftOutIsTheBeginning) {
  EXPECT_EQ(TimeFormat::compile("%H:%M").parse("01:00"), 3600 * kSecond);
  EXPECT_EQ(TimeFormat::compile("%Y").parse("1971"), 365 * 86400 * kSecond);
  EXPECT_EQ(TimeFormat::compile("%I %p").parse("12 AM"), 0);
  EXPECT_EQ(TimeFormat::compile("%I %p").parse("12 pm"), 12 * 3600 * kSecond);
}

TEST(TimeFormat, WithoutYearTheNearestToNowIsMeant) {
  const TimeFormat form = TimeFormat::compile("%b %e %T");
  EXPECT_FALSE(form.has_year());
  const int64_t new_year = 1767225600 * kSecond;  // 2026-01-01
  EXPECT_EQ(form.parse("Dec 31 23:59:59", new_year), new_year - kSecond);
  EXPECT_EQ(form.parse("Jan  1 00:00:01", new_year), new_year + kSecond);
  EXPECT_EQ(form.parse("Jan 1 00:00:01", new_year - kSecond), new_year + kSecond);
  EXPECT_EQ(form.parse("Feb 29 00:00:00", new_year), std::nullopt);
  EXPECT_EQ(form.parse("Feb 29 00:00:00", 1709251200 * kSecond), 1709164800 * kSecond);
}

TEST(TimeFormat, TextOfAnotherFormIsNone) {
  for (const auto& [form, text] :
       std::vector<std::pair<std::string, std::string>>{{"%Y-%m-%d", "2025-02-29"},
                                                        {"%Y-%m-%d", "2025-13-01"},
                                                        {"%Y-%m-%d", "2025-01-01 "},
                                                        {"%Y-%m-%d", ""},
                                                        {"%Y-%m-%d", "25-01-01"},
                                                        {"%H:%M", "24:00"},
                                                        {"%H:%M", "12:60"},
                                                        {"%b", "Foo"},
                                                        {"%Y%j", "2025366"},
                                                        {"%F %z", "2025-01-01 +25"},
                                                        {"%F %z", "2025-01-01 +02:"},
                                                        {"%F", "1600-01-01"},
                                                        {"%F", "2300-01-01"},
                                                        {"%S.%3f", "01.12"},
                                                        {"%F %Z", "2025-01-01 CET"},
                                                        {"epoch_s", "9223372036854775807"},
                                                        {"epoch_s", "12x"},
                                                        {"epoch_s", ""},
                                                        {"epoch_s", "1."},
                                                        {"rfc3339", "2025-01-01"},
                                                        {"%p", "xm"},
                                                        {"%s", "-"}}) {
    EXPECT_EQ(TimeFormat::compile(form).parse(text), std::nullopt) << form << ' ' << text;
  }
}

TEST(TimeFormat, EpochsMayHaveAFraction) {
  EXPECT_EQ(TimeFormat::compile("epoch_s").parse("1.5"), kSecond + kSecond / 2);
  EXPECT_EQ(TimeFormat::compile("epoch_s").parse("-0.5"), -kSecond / 2);
  EXPECT_EQ(TimeFormat::compile("epoch_ms").parse("1.0000019"), 1'000'001);
}

TEST(TimeFormat, MistakesNameTheDirectiveOrTheZone) {
  for (const auto& [form, zone, said] : std::vector<std::array<std::string, 3>>{
           {"%Y %Q", "UTC", "column 4: there is no directive %Q"},
           {"%Y %", "UTC", "column 4: a directive ends here"},
           {"%3S", "UTC", "no directive %3S"},
           {"%:Y", "UTC", "no directive %:Y"},
           {"epoch", "UTC", "no directive in it"},
           {"%Y", "Mars/Base", "no time zone 'Mars/Base'"},
           {"%Y", "+25:00", "no time zone"}}) {
    try {
      TimeFormat::compile(form, zone);
      ADD_FAILURE() << form << " was accepted";
    } catch (const std::runtime_error& error) {
      EXPECT_NE(std::string(error.what()).find(said), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace flow::operators::time_format_test
