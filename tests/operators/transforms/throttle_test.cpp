#include "operators/transforms/throttle.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::throttle_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;
using Names = std::vector<std::string>;

constexpr int64_t kSecond = 1'000'000'000;

int64_t passed(Harness& harness, int64_t rows, const char* key = "a") {
  harness.push({{"k", std::vector<Cell>(static_cast<size_t>(rows), Cell(key))}});
  return harness.pull().rows();
}

TEST(Throttle, RowsBeyondTheBurstAreDropped) {
  auto harness = Harness::of<Throttle>({{"rate", 10.0}, {"burst", 25}});
  EXPECT_EQ(passed(harness, 40), 25);
  EXPECT_EQ(harness.dropped("over limit"), 15);
  EXPECT_EQ(passed(harness, 1), 0);
}

TEST(Throttle, BucketIsRefilledAtTheRate) {
  auto harness = Harness::of<Throttle>({{"rate", 10.0}});
  EXPECT_EQ(passed(harness, 100), 10);
  harness.set_clock(harness.host().clock + kSecond / 10);
  EXPECT_EQ(passed(harness, 100), 1);
  harness.set_clock(harness.host().clock + kSecond / 2);
  EXPECT_EQ(passed(harness, 100), 5);
  harness.set_clock(harness.host().clock + 100 * kSecond);
  EXPECT_EQ(passed(harness, 100), 10);
}

TEST(Throttle, RateHoldsOverALongTime) {
  auto harness = Harness::of<Throttle>({{"rate", 3.0}, {"per", "1m"}, {"burst", 1}});
  int64_t sum = 0;
  for (int i = 0; i < 3600; ++i) {
    harness.set_clock(harness.host().clock + kSecond);
    sum += passed(harness, 2);
  }
  EXPECT_EQ(sum, 180);
}

TEST(Throttle, EachKeyHasALimitOfItsOwn) {
  auto harness = Harness::of<Throttle>({{"rate", 2.0}, {"key", Names{"k"}}});
  EXPECT_EQ(passed(harness, 5, "a"), 2);
  EXPECT_EQ(passed(harness, 5, "b"), 2);
  EXPECT_EQ(passed(harness, 5, "a"), 0);
  harness.push({{"k", {"c", "d", "c", "c", nullptr}}});
  EXPECT_EQ(harness.pull(), (Table{{"k", {"c", "d", "c", nullptr}}}));
}

TEST(Throttle, RowsOverTheLimitCanHaveAnOutput) {
  auto harness = Harness::of<Throttle>({{"rate", 2.0}, {"overflow", "port"}});
  harness.push({{"n", {1, 2, 3, 4}}});
  EXPECT_EQ(harness.pull(), (Table{{"n", {1, 2}}}));
  EXPECT_EQ(harness.pull("overflow"), (Table{{"n", {3, 4}}}));
  EXPECT_EQ(harness.dropped("over limit"), 0);
  EXPECT_EQ(harness.host().passed, 4);
}

TEST(Throttle, BothOutputsWaitForRoom) {
  auto harness = Harness::of<Throttle>({{"rate", 2.0}, {"overflow", "port"}});
  harness.host().limit_room(1);
  for (int i = 0; i < 3; ++i) harness.push({{"n", {1, 2, 3, 4}}});
  EXPECT_EQ(harness.pull().rows(), 2);
  EXPECT_EQ(harness.pull("overflow").rows(), 10);
  EXPECT_EQ(harness.host().room_violations, 0);
}

TEST(Throttle, FullBucketsAreForgotten) {
  auto harness = Harness::of<Throttle>({{"rate", 10.0}, {"key", Names{"k"}}});
  for (int round = 0; round < 100; ++round) {
    std::vector<Cell> keys;
    keys.reserve(1000);
    for (int i = 0; i < 1000; ++i) keys.emplace_back("key " + std::to_string(round * 1000 + i));
    harness.set_clock(harness.host().clock + 2 * kSecond);
    harness.push({{"k", keys}});
  }
  EXPECT_EQ(harness.pull().rows(), 100'000);
  KeyedTable<int64_t> buckets(Host(harness.host().abi()), "buckets", 1);
  EXPECT_LE(buckets.size(), 128U * 256U + 1000U);
}

TEST(Throttle, ClockThatIsSetBackClosesNoBucketForLong) {
  auto harness = Harness::of<Throttle>({{"rate", 10.0}});
  EXPECT_EQ(passed(harness, 100), 10);
  harness.set_clock(harness.host().clock - 1000 * kSecond);
  EXPECT_EQ(passed(harness, 100), 0);
  harness.set_clock(harness.host().clock + kSecond);
  EXPECT_EQ(passed(harness, 100), 10);
}

TEST(Throttle, ExtremeRatesDoNotOverflow) {
  EXPECT_THROW(Harness::of<Throttle>(
                   {{"rate", 0.000001}, {"per", "24h"}, {"burst", int64_t{1'000'000'000}}}),
               std::runtime_error);
  auto slow = Harness::of<Throttle>({{"rate", 0.001}, {"per", "24h"}, {"burst", 10}});
  EXPECT_EQ(passed(slow, 100), 10);
  auto fast = Harness::of<Throttle>({{"rate", 1'000'000'000.0}, {"per", "1ms"}});
  EXPECT_EQ(passed(fast, 1000), 1000);
}

TEST(Throttle, LongKeysAndFullStateFailOneByOne) {
  auto harness = Harness::of<Throttle>({{"rate", 10.0}, {"key", Names{"k"}}});
  harness.push({{"k", {std::string(70'000, 'x'), "a"}}});
  ASSERT_EQ(harness.failed().size(), 1U);
  EXPECT_EQ(harness.failed()[0].reason, "key_too_long");
  auto tight = Harness::of<Throttle>({{"rate", 0.001}, {"key", Names{"k"}}});
  tight.host().state_limit = 1;
  tight.push({{"k", {"a"}}});
  ASSERT_EQ(tight.failed().size(), 1U);
  EXPECT_EQ(tight.failed()[0].reason, "state_limit");
}

}  // namespace
}  // namespace flow::operators::throttle_test
