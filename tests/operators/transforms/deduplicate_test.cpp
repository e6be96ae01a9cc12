#include "operators/transforms/deduplicate.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::deduplicate_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;
using Names = std::vector<std::string>;

constexpr int64_t kSecond = 1'000'000'000;

Harness made(Settings settings) {
  settings.emplace_back("key", Names{"k"});
  return Harness::of<Deduplicate>(settings);
}
std::vector<Cell> kept(Harness& harness) {
  const Table table = harness.pull();
  return table.columns.empty() ? std::vector<Cell>() : table["n"];
}
// Rows 0, 1, 2, ... with these keys.
Table rows(const std::vector<Cell>& keys) {
  std::vector<Cell> numbers;
  for (size_t i = 0; i < keys.size(); ++i) numbers.emplace_back(static_cast<int64_t>(i));
  return {{"k", keys}, {"n", numbers}};
}
using Kept = std::vector<Cell>;

TEST(Deduplicate, FirstRowOfEachKeyIsPassedOn) {
  auto harness = made({});
  harness.push(rows({"a", "b", "a", nullptr, "b", nullptr, ""}));
  EXPECT_EQ(kept(harness), (Kept{0, 1, 3, 6}));
  EXPECT_EQ(harness.dropped("duplicate"), 3);
  harness.push(rows({"a", "c"}));
  EXPECT_EQ(kept(harness), (Kept{1}));
}

TEST(Deduplicate, KeyOfSeveralFieldsIsTheSameOnlyInAll) {
  auto harness = Harness::of<Deduplicate>({{"key", Names{"a", "b"}}});
  harness.push({{"a", {"x", "x", "xy", "x"}}, {"b", {"yz", "y", "z", "yz"}}, {"n", {0, 1, 2, 3}}});
  EXPECT_EQ(kept(harness), (Kept{0, 1, 2}));
}

TEST(Deduplicate, KeyIsForgottenWhenItsTimeIsOver) {
  auto harness = made({{"within", "10s"}});
  const int64_t begin = harness.host().clock;
  harness.push(rows({"a"}));
  harness.set_clock(begin + 10 * kSecond - 1);
  harness.push(rows({"a"}));  // does not prolong it
  EXPECT_EQ(kept(harness), (Kept{0}));
  harness.set_clock(begin + 10 * kSecond);
  harness.push(rows({"a"}));
  EXPECT_EQ(kept(harness), (Kept{0}));
  EXPECT_EQ(harness.dropped("duplicate"), 1);
}

TEST(Deduplicate, TimeCanBeThatOfTheRows) {
  auto harness = made({{"within", "10s"}, {"time", "t"}});
  std::vector<Cell> times;
  for (const int64_t second : {100, 109, 110, 105, 99, 130, 200})
    times.emplace_back(second * kSecond);
  Table table = rows({"a", "a", "a", "a", "a", "a", "b"});
  table.columns.emplace_back("t", Type::timestamp(), times);
  harness.push(table);
  // 110 is over for 100; 105 is near it, 99 long before it, 130 long after.
  EXPECT_EQ(kept(harness), (Kept{0, 2, 4, 5, 6}));
}

TEST(Deduplicate, RowWithoutATimeFails) {
  auto harness = made({{"time", "t"}});
  Table table = rows({"a", "a"});
  table.columns.emplace_back("t", Type::timestamp(), std::vector<Cell>{nullptr, 1});
  harness.push(table);
  ASSERT_EQ(harness.failed().size(), 1U);
  EXPECT_EQ(harness.failed()[0].reason, "no_time");
  EXPECT_EQ(kept(harness), (Kept{1}));
  EXPECT_THROW(harness.push(rows({"a"})), std::runtime_error);
}

TEST(Deduplicate, NoMoreKeysAreRememberedThanAllowed) {
  auto harness = made({{"keys", 1280}});
  for (int round = 0; round < 10; ++round) {
    std::vector<Cell> keys;
    keys.reserve(2000);
    for (int i = 0; i < 2000; ++i) keys.emplace_back("key " + std::to_string(round * 2000 + i));
    harness.push(rows(keys));
  }
  EXPECT_EQ(kept(harness).size(), 20'000U);
  KeyedTable<std::array<uint64_t, 2>> seen(Host(harness.host().abi()), "seen", 1);
  EXPECT_LE(seen.size(), 1280U);
  EXPECT_GE(seen.size(), 900U);
  // The newest are still known.
  std::vector<Cell> newest;
  for (int i = 19'900; i < 20'000; ++i) newest.emplace_back("key " + std::to_string(i));
  harness.push(rows(newest));
  EXPECT_GE(harness.dropped("duplicate"), 90);
}

TEST(Deduplicate, KeysWhoseTimeIsOverMakeRoom) {
  auto harness = made({{"within", "1s"}});
  for (int round = 0; round < 50; ++round) {
    std::vector<Cell> keys;
    keys.reserve(1000);
    for (int i = 0; i < 1000; ++i) keys.emplace_back("key " + std::to_string(round * 1000 + i));
    harness.set_clock(harness.host().clock + 2 * kSecond);
    harness.push(rows(keys));
  }
  KeyedTable<std::array<uint64_t, 2>> seen(Host(harness.host().abi()), "seen", 1);
  EXPECT_LE(seen.size(), 128U * 64U + 1000U);
}

TEST(Deduplicate, LongKeysFailOneByOne) {
  auto harness = made({});
  harness.push(rows({std::string(70'000, 'x'), "a"}));
  ASSERT_EQ(harness.failed().size(), 1U);
  EXPECT_EQ(harness.failed()[0].reason, "key_too_long");
  EXPECT_EQ(kept(harness), (Kept{1}));
}

TEST(Deduplicate, StateLimitForgetsBeforeItFails) {
  auto harness = made({});
  harness.host().state_limit = 40 << 20;
  std::vector<Cell> keys;
  keys.reserve(300'000);
  for (int i = 0; i < 300'000; ++i) {
    keys.emplace_back("a key of some length, number " + std::to_string(i));
  }
  harness.push(rows(keys));
  EXPECT_EQ(kept(harness).size() + harness.failed().size(), 300'000U);
  for (const auto& failure : harness.failed()) ASSERT_EQ(failure.reason, "state_limit");
  EXPECT_LT(harness.failed().size(), 300U);
}

TEST(Deduplicate, KeyMustBeNamed) {
  EXPECT_THROW(Harness::of<Deduplicate>({{"key", Names{}}}), std::runtime_error);
}

}  // namespace
}  // namespace flow::operators::deduplicate_test
