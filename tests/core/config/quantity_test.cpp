#include "core/config/quantity.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace flowrun::config_quantity_test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(DurationTest, AddsItsParts) {
  EXPECT_EQ(parse_duration("10s").value, 10 * kSecond);
  EXPECT_EQ(parse_duration("5ms").value, 5'000'000);
  EXPECT_EQ(parse_duration("1h30m").value, 5400 * kSecond);
  EXPECT_EQ(parse_duration("1d 2h").value, 26 * 3600 * kSecond);
  EXPECT_EQ(parse_duration("1.5s").value, 1'500'000'000);
  EXPECT_EQ(parse_duration("2min").value, 120 * kSecond);
  EXPECT_EQ(parse_duration("250us").value, 250'000);
  EXPECT_EQ(parse_duration("250\u00B5s").value, 250'000);
  EXPECT_EQ(parse_duration("7ns").value, 7);
  EXPECT_EQ(parse_duration("0").value, 0);
}

TEST(DurationTest, SaysWhatIsWrong) {
  EXPECT_EQ(parse_duration("10").problem, "'10' has no unit");
  EXPECT_EQ(parse_duration("10").remedy, "write for example \"10s\"");
  EXPECT_EQ(parse_duration("10 parsecs").problem, "'10 parsecs' has the unknown unit 'parsecs'");
  EXPECT_EQ(parse_duration("10 parsecs").remedy,
            "units are d, h, m, min, s, ms, us, \u00B5s and ns");
  EXPECT_EQ(parse_duration("").problem, "is empty, not a duration");
  EXPECT_EQ(parse_duration("-1s").problem, "'-1s' is negative");
  EXPECT_EQ(parse_duration("soon").problem, "'soon' is not a duration");
  EXPECT_EQ(parse_duration("30m1h").problem, "'30m1h' is not a duration");
  EXPECT_EQ(parse_duration("1h30").problem, "'1h30' is not a duration");
  EXPECT_EQ(parse_duration("300000d").problem, "'300000d' is too large for a duration");
  EXPECT_EQ(parse_duration("99999999999999999999s").problem,
            "'99999999999999999999s' is too large for a duration");
}

TEST(DurationTest, FormatsToWhatParsesBack) {
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(5400 * kSecond), "1h30m");
  EXPECT_EQ(format_duration(1'500'000'000), "1s500ms");
  EXPECT_EQ(format_duration(-2 * kSecond), "-2s");
  for (const std::int64_t value : {std::int64_t{1}, std::int64_t{123'456'789'012'345},
                                   std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(parse_duration(format_duration(value)).value, value) << format_duration(value);
  }
}

TEST(SizeTest, KnowsPowersOfTenAndOfTwo) {
  EXPECT_EQ(parse_size("256KiB").value, 256 << 10);
  EXPECT_EQ(parse_size("1MB").value, 1'000'000);
  EXPECT_EQ(parse_size("1mib").value, 1 << 20);
  EXPECT_EQ(parse_size("1.5 GiB").value, std::int64_t{3} << 29);
  EXPECT_EQ(parse_size("512B").value, 512);
  EXPECT_EQ(parse_size("0").value, 0);
}

TEST(SizeTest, SaysWhatIsWrong) {
  EXPECT_EQ(parse_size("64").problem, "'64' has no unit");
  EXPECT_EQ(parse_size("64").remedy, "write for example \"64B\"");
  EXPECT_EQ(parse_size("64k").problem, "'64k' has the unknown unit 'k'");
  EXPECT_EQ(parse_size("1MB1kB").problem, "'1MB1kB' is not a size");
  EXPECT_EQ(parse_size("9000000TiB").problem, "'9000000TiB' is too large for a size");
}

TEST(SizeTest, FormatsToWhatParsesBack) {
  EXPECT_EQ(format_size(256 << 20), "256MiB");
  EXPECT_EQ(format_size(1'000'000), "1MB");
  EXPECT_EQ(format_size(0), "0B");
  for (const std::int64_t value :
       {std::int64_t{1}, std::int64_t{1025}, std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(parse_size(format_size(value)).value, value) << format_size(value);
  }
}

}  // namespace
}  // namespace flowrun::config_quantity_test
