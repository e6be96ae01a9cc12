#include "operators/common/rfc3339.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

namespace flow::operators::rfc3339_test {
namespace {

std::string format(int64_t nanoseconds) {
  std::array<char, kRfc3339Bytes> text{};
  return {text.data(), format_rfc3339(nanoseconds, text.data())};
}

TEST(Rfc3339, TimesAreWrittenInUtcWithTheDigitsNeeded) {
  EXPECT_EQ(format(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format(1'761'646'530'500'000'000), "2025-10-28T10:15:30.5Z");
  EXPECT_EQ(format(1), "1970-01-01T00:00:00.000000001Z");
  EXPECT_EQ(format(-1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(format(INT64_MAX), "2262-04-11T23:47:16.854775807Z");
}

TEST(Rfc3339, OffsetsAreTakenToUtc) {
  EXPECT_EQ(parse_rfc3339("2025-10-28T10:15:30Z"), 1'761'646'530'000'000'000);
  EXPECT_EQ(parse_rfc3339("2025-10-28 11:15:30.5+01:00"), 1'761'646'530'500'000'000);
  EXPECT_EQ(parse_rfc3339("2025-10-27t22:45:30.1234567899-11:30"), 1'761'646'530'123'456'789);
}

TEST(Rfc3339, ImpossibleTimesAreNone) {
  for (const char* text :
       {"", "2025", "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z",
        "2025-10-28T24:00:00Z", "2025-10-28T10:60:00Z", "2025-10-28T10:15:30",
        "9999-01-01T00:00:00Z", "2025-10-28T10:15:30.Z", "2025-10-28T10:15:30Zx",
        "2025-10-28T10:15:30+24:00", "2025/10/28T10:15:30Z"}) {
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
  }
}

TEST(Rfc3339, WhatIsWrittenReadsBackTheSame) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto time = static_cast<int64_t>(random());
    ASSERT_EQ(parse_rfc3339(format(time)), time) << format(time);
  }
  for (const int64_t time : {INT64_MIN, INT64_MIN + 145'224'191, INT64_MAX}) {
    EXPECT_EQ(parse_rfc3339(format(time)), time) << format(time);
  }
}

}  // namespace
}  // namespace flow::operators::rfc3339_test
