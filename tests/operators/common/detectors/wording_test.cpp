#include "operators/common/detectors/wording.hpp"

#include <gtest/gtest.h>

namespace flow::operators::detectors::wording_test {
namespace {

template <class Append, class Value>
std::string written(Append append, Value value) {
  std::string text;
  append(text, value);
  return text;
}

TEST(Wording, NumbersHaveSixDigitsAtMost) {
  EXPECT_EQ(written(append_number, 31.2), "31.2");
  EXPECT_EQ(written(append_number, 4.100000001), "4.1");
  EXPECT_EQ(written(append_number, -0.00412345678), "-0.00412346");
  EXPECT_EQ(written(append_number, 1.5e9), "1.5e+09");
}

TEST(Wording, CountsHaveThousandsSeparators) {
  EXPECT_EQ(written(append_count, uint64_t{0}), "0");
  EXPECT_EQ(written(append_count, uint64_t{999}), "999");
  EXPECT_EQ(written(append_count, uint64_t{12'400}), "12,400");
  EXPECT_EQ(written(append_count, uint64_t{1'234'567}), "1,234,567");
}

TEST(Wording, PercentagesHaveADecimalWhereItCounts) {
  EXPECT_EQ(written(append_percent, 0.087), "8.7 %");
  EXPECT_EQ(written(append_percent, 3.2), "320 %");
  EXPECT_EQ(written(append_percent, 50.0), "5,000 %");
}

TEST(Wording, DurationsAreInTheLargestUnits) {
  EXPECT_EQ(written(append_duration, int64_t{90'000'000'000}), "1m30s");
  EXPECT_EQ(written(append_duration, int64_t{7'200'000'000'000}), "2h");
  EXPECT_EQ(written(append_duration, int64_t{0}), "0s");
}

}  // namespace
}  // namespace flow::operators::detectors::wording_test
