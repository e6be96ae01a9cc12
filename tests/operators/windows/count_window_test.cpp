#include "operators/windows/count_window.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/operators/windows/window_harness.hpp"

namespace flow::operators::count_window_test {
namespace {

using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;

Harness made(const std::vector<std::pair<std::string, std::string>>& aggregates,
             Settings settings = {}) {
  return windows<CountWindow>(aggregates, std::move(settings), {{"count", 3}});
}

TEST(CountWindow, EverySoManyRowsOfAKeyMakeOne) {
  auto harness = made({{"n", "count()"}, {"s", "sum(v)"}, {"last", "last(v)"}});
  harness.push(
      {{"k", {"a", "b", "a", "a", "a", "b", "a", "a", "a"}}, {"v", {1, 10, 2, 3, 4, 20, 5, 6, 7}}});
  Table table = harness.pull();
  EXPECT_EQ(table["k"], (Cells{"a", "a"}));
  EXPECT_EQ(table["s"], (Cells{6, 15}));
  EXPECT_EQ(table["last"], (Cells{3, 6}));
  EXPECT_TRUE(table["window_start"][0].is_null());
  harness.advance(1000);
  EXPECT_EQ(harness.pull().rows(), 0);
  harness.advance(INT64_MAX);
  table = sorted(harness.pull(), "k");
  EXPECT_EQ(table["n"], (Cells{1, 2}));
  EXPECT_EQ(table["s"], (Cells{7, 30}));
  EXPECT_EQ(harness.host().absorbed, 9);
}

TEST(CountWindow, TimesAreThoseOfItsRows) {
  auto harness = made({{"early", "first(v)"}});
  push_timed(harness, {{"k", {"a", "a", "a"}}, {"v", {1, 2, 3}}}, {5, 2, 9}, -1);
  const Table table = harness.pull();
  EXPECT_EQ(table["window_start"], (Cells{2 * kSecond}));
  EXPECT_EQ(table["window_end"], (Cells{9 * kSecond}));
  EXPECT_EQ(table["early"], (Cells{2}));
}

TEST(CountWindow, KeysPastTheBoundFail) {
  auto harness = made({{"n", "count()"}}, {{"max_keys", 1280}});
  Cells keys;
  for (int i = 0; i < 10'000; ++i) keys.emplace_back(i);
  harness.push({{"k", keys}});
  EXPECT_EQ(harness.host().absorbed, 1280);
  EXPECT_EQ(harness.failed()[0].reason, "too_many_keys");
  // A full window makes room.
  Cells again;
  for (int i = 0; i < 10'000; ++i) {
    for (int n = 0; n < 2; ++n) again.emplace_back(i);
  }
  harness.push({{"k", again}});
  EXPECT_EQ(harness.pull().rows(), 1280);
  harness.push({{"k", keys}});
  EXPECT_GT(harness.host().absorbed, 1280 * 4);
}

}  // namespace
}  // namespace flow::operators::count_window_test
