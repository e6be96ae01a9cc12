#include "operators/transforms/sessionize.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::sessionize_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;
using Cells = std::vector<Cell>;
using Names = std::vector<std::string>;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNoWatermark = -1'000'000;

Harness made(Settings settings = {}) {
  settings.emplace_back("gap", "10s");
  return Harness::of<Sessionize>(settings);
}

// Rows of users with times and watermarks in seconds, numbered in the column n.
void push(Harness& harness, const Cells& users, std::vector<int64_t> times,
          std::vector<int64_t> watermarks) {
  Cells numbers;
  for (size_t i = 0; i < users.size(); ++i) numbers.emplace_back(static_cast<int64_t>(i));
  for (int64_t& time : times) time *= kSecond;
  for (int64_t& watermark : watermarks) watermark *= kSecond;
  harness.push(harness.timed(harness.batch({{"user", users}, {"n", numbers}}), times, watermarks));
}
void push(Harness& harness, const Cells& users, const std::vector<int64_t>& times) {
  push(harness, users, times, std::vector<int64_t>(times.size(), kNoWatermark));
}

// The sessions of the rows, numbered as they appear.
std::vector<int> numbered(const Table& table) {
  std::vector<int> numbers;
  std::map<std::string, int> known;
  if (table.columns.empty()) return numbers;
  for (const Cell& cell : table["session"]) {
    numbers.push_back(known.emplace(cell.text(), static_cast<int>(known.size())).first->second);
  }
  return numbers;
}
using Numbers = std::vector<int>;

uint64_t keys_in_state(Harness& harness) {
  struct Any {
    char bytes[104];
  };
  return KeyedTable<Any>(Host(harness.host().abi()), "sessions", 1).size();
}

TEST(Sessionize, SessionBeginsWhenNothingHasComeForTheGap) {
  auto harness = made();
  push(harness, {"a", "a", "b", "a", "a", "b"}, {0, 9, 9, 18, 28, 19});
  EXPECT_EQ(numbered(harness.pull()), (Numbers{0, 0, 1, 0, 2, 3}));
}

TEST(Sessionize, IdIsMadeOfTheUserAndTheFirstRowAlone) {
  auto harness = made();
  push(harness, {"a", "b"}, {5, 5});
  const Table first = harness.pull();
  auto other = made({{"max_keys", 5000}});
  push(other, {"c", "a"}, {1, 5});
  push(other, {"a"}, {6});
  const Table second = other.pull();
  EXPECT_EQ(second["session"][1], first["session"][0]);
  EXPECT_EQ(second["session"][2], first["session"][0]);
  EXPECT_NE(first["session"][0], first["session"][1]);
  EXPECT_EQ(first["session"][0].text(), "h2xhym541tg6");  // part of what is stored elsewhere
}

TEST(Sessionize, RowOutOfOrderJoinsTheSessionThatItIsNear) {
  auto harness = made();
  // 40 begins a second one; 3 is of the first, 35 before the second, 12 behind the first again.
  push(harness, {"a", "a", "a", "a", "a", "a"}, {0, 5, 40, 3, 35, 12});
  EXPECT_EQ(numbered(harness.pull()), (Numbers{0, 0, 1, 0, 1, 0}));
}

TEST(Sessionize, RowBetweenTwoSessionsJoinsTheEarlierAndLeavesThemApart) {
  auto harness = made();
  push(harness, {"a", "a", "a", "a", "a"}, {0, 18, 9, 20, 10});
  EXPECT_EQ(numbered(harness.pull()), (Numbers{0, 1, 0, 1, 0}));
}

TEST(Sessionize, SessionsBeforeTheLatestFourAreForgotten) {
  auto harness = made();
  push(harness, {"a", "a", "a", "a", "a", "a", "a"}, {0, 100, 200, 300, 400, 101, 1});
  EXPECT_EQ(numbered(harness.pull()), (Numbers{0, 1, 2, 3, 4, 1, 5}));
}

TEST(Sessionize, SessionIsNoLongerThanMaxLength) {
  auto harness = made({{"max_length", "20s"}});
  push(harness, {"a", "a", "a", "a", "a", "a"}, {0, 8, 16, 20, 28, 19});
  // The last one is still of the first, which it does not make longer than allowed.
  EXPECT_EQ(numbered(harness.pull()), (Numbers{0, 0, 0, 1, 1, 0}));
}

TEST(Sessionize, LateRowLeavesByItsOwnPort) {
  auto harness = made();
  push(harness, {"a", "a", "b", "a"}, {0, 30, 19, 21}, {kNoWatermark, 29, 29, 29});
  const Table table = harness.pull();
  EXPECT_EQ(table["n"], (Cells{0, 1, 3}));
  EXPECT_EQ(harness.host().late_rows, 1);
  // 21 is in time and near to 30.
  EXPECT_EQ(numbered(table), (Numbers{0, 1, 1}));
}

TEST(Sessionize, RowJoinsNoSessionThatItsWatermarkHasEnded) {
  auto harness = made();
  push(harness, {"a", "a", "a"}, {0, 5, 3}, {kNoWatermark, 10, 12});
  EXPECT_EQ(numbered(harness.pull()), (Numbers{0, 1, 1}));
}

TEST(Sessionize, RowsWithoutAUserFail) {
  auto harness = made();
  push(harness, {"a", nullptr, std::string(1 << 20, 'x'), ""}, {0, 1, 2, 3});
  EXPECT_EQ(harness.pull()["n"], (Cells{0, 3}));
  ASSERT_EQ(harness.failed().size(), 2U);
  EXPECT_EQ(harness.failed()[0].reason, "no_key");
  EXPECT_EQ(harness.failed()[1].reason, "key_too_long");
}

TEST(Sessionize, UserMayBeANumberAndALongText) {
  auto harness = made();
  push(harness, {1, 2, 1}, {0, 1, 2});
  EXPECT_EQ(numbered(harness.pull()), (Numbers{0, 1, 0}));
  push(harness, {std::string(60'000, 'x'), std::string(60'000, 'y')}, {0, 1});
  EXPECT_EQ(numbered(harness.pull()), (Numbers{0, 1}));
}

TEST(Sessionize, InputWithoutTheFieldFailsRowByRow) {
  auto harness = made();
  const Table other = {{"visitor", {"a", "b"}}};
  harness.push(harness.timed(harness.batch(other), {0, 1}, {-1, -1}));
  ASSERT_EQ(harness.failed().size(), 2U);
  EXPECT_EQ(harness.failed()[0].reason, "no_key");
}

TEST(Sessionize, RowsWithoutAnEventTimeStopTheRunWithARemedy) {
  auto harness = made();
  try {
    harness.push({{"user", {"a"}}});
    FAIL();
  } catch (const std::runtime_error& failure) {
    EXPECT_NE(std::string(failure.what()).find("event_time"), std::string::npos);
  }
}

TEST(Sessionize, ColumnOfTheSameNameIsReplaced) {
  auto harness = made();
  const Table table = {{"session", Type::int64(), {nullptr, 7}}, {"user", {"a", "a"}}};
  harness.push(harness.timed(harness.batch(table), {0, 1}, {-1, -1}));
  const Table out = harness.pull();
  EXPECT_EQ(out.columns[0].name, "session");
  EXPECT_EQ(out["session"][0].text().size(), 12U);
}

TEST(Sessionize, UserWithAMillionClicksTakesAsMuchStateAsOneWithThree) {
  auto harness = made();
  push(harness, {"a", "a", "a"}, {0, 1, 2});
  const int64_t bytes = harness.host().state().bytes();
  std::set<std::string> sessions;
  for (int64_t batch = 0; batch < 250; ++batch) {
    std::vector<int64_t> times, watermarks;
    for (int64_t i = 0; i < 4000; ++i) {
      // A pause after each thousand; every third one comes out of order.
      const int64_t click = batch * 4000 + i;
      times.push_back(click + click / 1000 * 20 - (click % 3 == 0 ? 5 : 0));
      watermarks.push_back(times.back() - 100);
    }
    push(harness, Cells(4000, "a"), times, watermarks);
    harness.advance(watermarks.back() * kSecond);
    const Table table = harness.pull();
    for (const Cell& cell : table["session"]) sessions.insert(cell.text());
  }
  EXPECT_EQ(harness.failed().size(), 0U);
  EXPECT_EQ(harness.host().state().bytes(), bytes);
  EXPECT_GT(sessions.size(), 900U);
  EXPECT_LT(sessions.size(), 1100U);
}

TEST(Sessionize, UserIsForgottenWhenTheirSessionsAreOver) {
  auto harness = made();
  for (int64_t round = 0; round < 20; ++round) {
    Cells users;
    for (int64_t i = 0; i < 500; ++i) users.emplace_back(round * 500 + i);
    push(harness, users, std::vector<int64_t>(500, round * 100),
         std::vector<int64_t>(500, round * 100 - 1));
    harness.advance((round * 100 - 1) * kSecond);
  }
  EXPECT_EQ(keys_in_state(harness), 500U);
  harness.advance(1909 * kSecond);
  EXPECT_EQ(keys_in_state(harness), 500U);
  // Within the 128th part of a gap.
  harness.advance(1910 * kSecond + 80'000'000);
  EXPECT_LE(keys_in_state(harness), 500U);
  harness.advance(1921 * kSecond);
  EXPECT_EQ(keys_in_state(harness), 0U);
}

TEST(Sessionize, OldestUsersMakeRoomAndAreCounted) {
  auto harness = made({{"max_keys", 1280}});
  for (int64_t i = 0; i < 20; ++i) {
    Cells users;
    for (int64_t k = 0; k < 500; ++k) users.emplace_back(i * 500 + k);
    push(harness, users, std::vector<int64_t>(500, i));
  }
  EXPECT_LE(keys_in_state(harness), 1280U);
  EXPECT_GT(keys_in_state(harness), 1000U);
  EXPECT_EQ(harness.metric("evicted_keys"), static_cast<double>(10'000 - keys_in_state(harness)));
  // The latest ones are known still.
  EXPECT_EQ(harness.metric("sessions_begun"), 10'000);
  push(harness, {9999, 0}, {20, 20});
  EXPECT_EQ(harness.metric("sessions_begun"), 10'001);
}

TEST(Sessionize, NewUsersFailWhereNoneMayBeForgotten) {
  auto harness = made({{"max_keys", 128}, {"when_full", "fail"}});
  Cells users;
  for (int64_t k = 0; k < 1000; ++k) users.emplace_back(k);
  push(harness, users, std::vector<int64_t>(1000, 0));
  EXPECT_EQ(keys_in_state(harness) + harness.failed().size(), 1000U);
  EXPECT_EQ(harness.failed()[0].reason, "too_many_keys");
}

// Against sorting each user's times: of rows in order every id is that of its gap.
TEST(Sessionize, EqualsTheGapsOfRowsInOrder) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    std::mt19937_64 random(seed);
    auto harness = made();
    std::map<int64_t, int64_t> last, first;
    std::vector<std::pair<int64_t, int64_t>> expected;
    int64_t time = 0;
    Cells sessions;
    for (int batch = 0; batch < 10; ++batch) {
      Cells users;
      std::vector<int64_t> times;
      for (int i = 0; i < 100; ++i) {
        const auto user = static_cast<int64_t>(random() % 8);
        time += static_cast<int64_t>(random() % 4);
        if (!last.contains(user) || time - last[user] >= 10) first[user] = time;
        last[user] = time;
        users.emplace_back(user);
        times.push_back(time);
        expected.emplace_back(user, first[user]);
      }
      push(harness, users, times, times);
      harness.advance(time * kSecond);
      const Table table = harness.pull();
      sessions.insert(sessions.end(), table["session"].begin(), table["session"].end());
    }
    ASSERT_EQ(sessions.size(), expected.size());
    std::map<std::pair<int64_t, int64_t>, std::string> id_of;
    std::set<std::string> ids;
    for (size_t i = 0; i < expected.size(); ++i) {
      const auto known = id_of.emplace(expected[i], sessions[i].text()).first;
      EXPECT_EQ(known->second, sessions[i].text()) << "seed " << seed << ", row " << i;
      ids.insert(sessions[i].text());
    }
    EXPECT_EQ(ids.size(), id_of.size());
  }
}

// However rows are cut into batches and whenever a new instance goes on from the pages.
TEST(Sessionize, BatchesAndRestartsChangeNothing) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    struct Row {
      int64_t user, time, watermark;
    };
    std::vector<Row> rows;
    int64_t watermark = -20;
    for (int64_t i = 0; i < 600; ++i) {
      const int64_t time = i / 2 - static_cast<int64_t>(random() % 25);
      watermark = std::max(watermark, i / 2 - 20);
      rows.push_back({static_cast<int64_t>(random() % 12), time, watermark});
    }
    const auto run = [&](bool cut) {
      std::map<int64_t, Cells> sessions;
      auto harness = std::make_unique<Harness>(made());
      for (size_t at = 0; at < rows.size();) {
        const size_t n = cut ? std::min<size_t>(1 + random() % 50, rows.size() - at) : rows.size();
        Cells users;
        std::vector<int64_t> times, watermarks;
        for (size_t i = at; i < at + n; ++i) {
          users.emplace_back(rows[i].user);
          times.push_back(rows[i].time);
          watermarks.push_back(rows[i].watermark);
        }
        push(*harness, users, times, watermarks);
        harness->advance(watermarks.back() * kSecond);
        const Table table = harness->pull();
        for (size_t i = 0; i < static_cast<size_t>(table.rows()); ++i) {
          sessions[table["user"][i].integer()].push_back(table["session"][i]);
        }
        at += n;
        if (cut && random() % 3 == 0) {
          harness->host().state().freeze();
          auto next = std::make_unique<Harness>(made());
          next->host().state().restore(harness->host().state().frozen());
          harness = std::move(next);
        }
      }
      return sessions;
    };
    EXPECT_EQ(run(true), run(false)) << "seed " << seed;
  }
}

// ---- to be forgotten ----

TEST(Sessionize, ErasureForgetsTheKeyBehindItsRow) {
  auto harness = made({{"erase", "n == 1"}});
  push(harness, {"ann", "ann", "bob", "ann"}, {0, 1, 1, 2});
  const Table table = harness.pull();
  EXPECT_EQ(numbered(table), (Numbers{0, 0, 1, 2}))
      << "the row that asks is the session's last one";
  EXPECT_EQ(keys_in_state(harness), 2U);
  EXPECT_EQ(harness.metric("erased_keys"), 1);
}

TEST(Sessionize, ErasureLeavesNothingOfTheKeyInTheState) {
  auto harness = made({{"erase", "n == 1"}});
  push(harness, {"ann", "ann"}, {0, 1});
  EXPECT_EQ(keys_in_state(harness), 0U);
}

TEST(Sessionize, ErasureByALateRowCounts) {
  auto harness = made({{"erase", "n == 1"}});
  push(harness, {"ann", "ann", "ann"}, {100, 1, 101}, {kNoWatermark, 95, 95});
  EXPECT_EQ(numbered(harness.pull()), (Numbers{0, 1}));
  EXPECT_EQ(harness.host().late_rows, 1);
}

TEST(Sessionize, ErasureOfAnUnknownKeyIsARowLikeOthers) {
  auto harness = made({{"erase", "n == 0"}});
  push(harness, {"ann"}, {0});
  EXPECT_EQ(harness.pull().rows(), 1);
  EXPECT_EQ(keys_in_state(harness), 0U);
}

}  // namespace
}  // namespace flow::operators::sessionize_test
