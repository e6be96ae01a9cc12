#include "operators/windows/session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "tests/operators/windows/window_harness.hpp"

namespace flow::operators::session_test {
namespace {

using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;

Harness made(const std::vector<std::pair<std::string, std::string>>& aggregates,
             Settings settings = {}) {
  return windows<Session>(aggregates, std::move(settings), {{"gap", "10s"}});
}

TEST(Session, IsOverWhenNothingHasComeForTheGap) {
  auto harness = made({{"n", "count()"}});
  push_timed(harness, {{"k", {"a", "a", "b", "a"}}}, {0, 9, 5, 19}, -1);
  harness.advance(14 * kSecond);
  EXPECT_EQ(harness.pull().rows(), 0);
  harness.advance(19 * kSecond);
  Table table = harness.pull();
  // The last row of a came at the very end of the first session, and began another one.
  EXPECT_EQ(table["k"], (Cells{"b", "a"}));
  EXPECT_EQ(table["window_end"], (Cells{15 * kSecond, 19 * kSecond}));
  EXPECT_EQ(table["n"], (Cells{1, 2}));
  harness.advance(INT64_MAX);
  table = harness.pull();
  EXPECT_EQ(table["window_start"], (Cells{19 * kSecond}));
  EXPECT_EQ(table["n"], (Cells{1}));
}

TEST(Session, RowBetweenTwoMakesThemOne) {
  auto harness =
      made({{"n", "count()"}, {"s", "sum(v)"}, {"kinds", "distinct(v)"}, {"q", "quantile(v, 1)"}});
  push_timed(harness, {{"k", {"a", "a", "a"}}, {"v", {1, 2, 4}}}, {0, 14, 7}, -1);
  harness.advance(23 * kSecond);
  EXPECT_EQ(harness.pull().rows(), 0);
  harness.advance(24 * kSecond);
  const Table table = harness.pull();
  EXPECT_EQ(table["window_start"], (Cells{0}));
  EXPECT_EQ(table["window_end"], (Cells{24 * kSecond}));
  EXPECT_EQ(table["n"], (Cells{3}));
  EXPECT_EQ(table["s"], (Cells{7}));
  EXPECT_EQ(table["kinds"], (Cells{3}));
  EXPECT_NEAR(table["q"][0].number(), 4, 0.04);
}

TEST(Session, RowJoinsNoneThatItsWatermarkHasEnded) {
  auto harness = made({{"n", "count()"}});
  // The second row is in time for itself, but the first one's session was over by then.
  push_timed(harness, {{"k", {"a", "a", "a"}}}, {0, 5, 1}, {-1, 12, 12});
  EXPECT_EQ(harness.host().late_rows, 1);
  harness.advance(INT64_MAX);
  const Table table = harness.pull();
  EXPECT_EQ(table["window_start"], (Cells{0, 5 * kSecond}));
  EXPECT_EQ(table["n"], (Cells{1, 1}));
}

TEST(Session, NothingIsKeptOfWhatIsOver) {
  auto harness = made({{"n", "count()"}});
  for (int64_t round = 0; round < 20; ++round) {
    Cells keys;
    for (int i = 0; i < 500; ++i) keys.emplace_back(round * 500 + i);
    push_timed(harness, {{"k", keys}}, std::vector<int64_t>(500, round * 100), -1);
    harness.advance(round * 100 * kSecond);
  }
  KeyedTable<StoredBytes> keys(Host(harness.host().abi()), "keys", 1);
  EXPECT_EQ(keys.size(), 500U);
  harness.advance(INT64_MAX);
  EXPECT_EQ(keys.size(), 0U);
  EXPECT_EQ(harness.pull().rows(), 10'000);
}

TEST(Session, KeysPastTheBoundFail) {
  auto harness = made({{"n", "count()"}}, {{"max_keys", 1280}});
  Cells keys;
  for (int i = 0; i < 10'000; ++i) keys.emplace_back(i);
  push_timed(harness, {{"k", keys}}, std::vector<int64_t>(10'000, 0), -1);
  EXPECT_EQ(harness.host().absorbed, 1280);
  EXPECT_EQ(harness.failed().size(), 8720U);
  EXPECT_EQ(harness.failed()[0].reason, "too_many_keys");
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull().rows(), 1280);
}

TEST(Session, ProcessingTimeFiresByTheClock) {
  auto harness = made({{"n", "count()"}}, {{"time", "processing"}});
  harness.set_clock(100 * kSecond);
  harness.push({{"k", {"a", "a"}}});
  harness.set_clock(105 * kSecond);
  harness.push({{"k", {"a"}}});
  harness.fire_due(FLOW_PROCESSING_TIME, 114 * kSecond);
  EXPECT_EQ(harness.pull().rows(), 0);
  harness.fire_due(FLOW_PROCESSING_TIME, 115 * kSecond);
  EXPECT_EQ(harness.pull()["n"], (Cells{3}));
}

// Against sorting each key's times, in order and out of it.
TEST(Session, EqualsTheGapsOfSortedTimes) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    auto harness = made({{"n", "count()"}});
    std::map<int64_t, std::vector<int64_t>> times_of;
    for (int batch = 0; batch < 10; ++batch) {
      Cells keys;
      std::vector<int64_t> times;
      for (int i = 0; i < 60; ++i) {
        const auto key = static_cast<int64_t>(random() % 8);
        const auto time = static_cast<int64_t>(random() % 1500);
        keys.emplace_back(key);
        times.push_back(time);
        times_of[key].push_back(time);
      }
      push_timed(harness, {{"k", keys}}, times, -100);
    }
    harness.advance(INT64_MAX);
    std::map<std::pair<int64_t, int64_t>, std::pair<int64_t, int64_t>> expected;
    for (auto& [key, times] : times_of) {
      std::sort(times.begin(), times.end());
      size_t first = 0;
      for (size_t i = 1; i <= times.size(); ++i) {
        if (i < times.size() && times[i] < times[i - 1] + 10) continue;
        expected[{key, times[first]}] = {times[i - 1] + 10, static_cast<int64_t>(i - first)};
        first = i;
      }
    }
    const Table table = harness.pull();
    ASSERT_EQ(table.rows(), static_cast<int64_t>(expected.size()));
    for (size_t i = 0; i < static_cast<size_t>(table.rows()); ++i) {
      const auto& [end, rows] =
          expected.at({table["k"][i].integer(), table["window_start"][i].integer() / kSecond});
      EXPECT_EQ(table["window_end"][i].integer(), end * kSecond);
      EXPECT_EQ(table["n"][i].integer(), rows);
    }
  }
}

// Against a list of sessions that every row is compared with. Watermarks go up and down, as those
// of partitions do, so that sessions closer than the gap stand side by side and are joined later.
TEST(Session, EqualsAListOfSessionsWhateverTheWatermarksAre) {
  struct Known {
    int64_t first, last, rows;
  };
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    auto harness = made({{"n", "count()"}});
    std::vector<Known> sessions;
    std::vector<int64_t> times, watermarks;
    int64_t late = 0;
    for (int row = 0; row < 1000; ++row) {
      const auto time = static_cast<int64_t>(random() % 2000);
      const int64_t watermark = time + 12 - static_cast<int64_t>(random() % 40);
      times.push_back(time);
      watermarks.push_back(watermark);
      if (time + 10 <= watermark) {
        ++late;
        continue;
      }
      Known own{time, time, 1};
      std::erase_if(sessions, [&](const Known& other) {
        const bool belongs = time < other.last + 10 && time + 10 > other.first;
        if (!belongs || other.last + 10 <= watermark) return false;
        own = {std::min(own.first, other.first), std::max(own.last, other.last),
               own.rows + other.rows};
        return true;
      });
      sessions.push_back(own);
    }
    push_timed(harness, {{"k", Cells(times.size(), "a")}}, times, watermarks);
    harness.advance(INT64_MAX);
    std::sort(sessions.begin(), sessions.end(),
              [](const Known& a, const Known& b) { return a.last < b.last; });
    const Table table = harness.pull();
    EXPECT_EQ(harness.host().late_rows, late);
    ASSERT_EQ(table.rows(), static_cast<int64_t>(sessions.size()));
    for (size_t i = 0; i < sessions.size(); ++i) {
      EXPECT_EQ(table["window_start"][i].integer(), sessions[i].first * kSecond);
      EXPECT_EQ(table["window_end"][i].integer(), (sessions[i].last + 10) * kSecond);
      EXPECT_EQ(table["n"][i].integer(), sessions[i].rows);
    }
  }
}

// Rows that looked at every session of their key, or at every pair, would take minutes or hours.
TEST(Session, RowsFindTheirSessionAmongTwoThousandOpenOnes) {
  constexpr int64_t kSessions = 2000;
  constexpr int64_t kRounds = 300;
  auto harness = made({{"n", "count()"}});
  std::vector<int64_t> times;
  for (int64_t i = 0; i < kSessions; ++i) times.push_back(i * 997 % kSessions * 20);
  const Cells keys(times.size(), "a");
  for (int64_t round = 0; round < kRounds; ++round) push_timed(harness, {{"k", keys}}, times, -1);
  harness.advance(kSessions / 2 * 20 * kSecond);
  Table table = harness.pull();
  EXPECT_EQ(table["n"], Cells(kSessions / 2, kRounds));
  EXPECT_EQ(table["window_start"].back(), (kSessions / 2 - 1) * 20 * kSecond);
  // And rows between make one of what is left; those before are late.
  for (int64_t& time : times) time += 9;
  push_timed(harness, {{"k", keys}}, times, kSessions / 2 * 20 + 4);
  for (int64_t& time : times) time += 5;
  push_timed(harness, {{"k", keys}}, times, kSessions / 2 * 20 + 4);
  harness.advance(INT64_MAX);
  table = harness.pull();
  EXPECT_EQ(table["n"], (Cells{kSessions / 2 * (kRounds + 2)}));
}

TEST(Session, KeyHasTwoThousandAndFortyEightOpenSessionsAtMost) {
  auto harness = made({{"n", "count()"}});
  std::vector<int64_t> times;
  for (int64_t i = 0; i < 2060; ++i) times.push_back(i * 20);
  push_timed(harness, {{"k", Cells(times.size(), "a")}}, times, -1);
  EXPECT_EQ(harness.failed().size(), 12U);
  EXPECT_EQ(harness.failed()[0].reason, "too_many_sessions");
  harness.advance(2040 * 20 * kSecond);
  EXPECT_EQ(harness.pull().rows(), 2040);
  times = {3000 * 20};
  push_timed(harness, {{"k", {"a"}}}, times, -1);
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull().rows(), 9) << "what is over makes room";
  EXPECT_EQ(harness.failed().size(), 12U);
}

}  // namespace
}  // namespace flow::operators::session_test
