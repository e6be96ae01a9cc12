#include "operators/windows/join.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "tests/operators/windows/window_harness.hpp"

namespace flow::operators::join_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;

constexpr uint32_t kLeft = 0;
constexpr uint32_t kRightInput = 1;

Harness made(Settings settings = {}) {
  settings.emplace_back("left_key", Names{"k"});
  settings.emplace_back("right_key", Names{"id"});
  const bool has_band = std::any_of(settings.begin(), settings.end(), [](const auto& setting) {
    return setting.first == "before" || setting.first == "after" || setting.first == "within";
  });
  if (!has_band) settings.emplace_back("within", "10s");
  return Harness::of<Join>(settings);
}

// Times and watermarks in seconds.
void push(Harness& harness, uint32_t input, const Table& table, std::vector<int64_t> times,
          int64_t watermark = -1000) {
  for (int64_t& time : times) time *= kSecond;
  harness.push(harness.timed(harness.batch(table), times,
                             std::vector<int64_t>(times.size(), watermark * kSecond)),
               input);
}
Table left(const Cells& keys, const Cells& values) { return {{"k", keys}, {"v", values}}; }
Table right(const Cells& keys, const Cells& values) { return {{"id", keys}, {"w", values}}; }

TEST(Join, PairsRowsOfAKeyWithinTheBand) {
  auto harness = made();
  push(harness, kLeft, left({"a", "a", "b"}, {1, 2, 3}), {0, 20, 20});
  push(harness, kRightInput, right({"a", "a", "b", "c"}, {10, 11, 12, 13}), {10, 11, 9, 20});
  EXPECT_EQ(harness.host().absorbed, 7);
  harness.advance(INT64_MAX);
  const Table table = harness.pull();
  EXPECT_EQ(table["k"], (Cells{"a", "a", "a"}));
  EXPECT_EQ(table["v"], (Cells{1, 2, 2}));
  EXPECT_EQ(table["right_w"], (Cells{10, 10, 11}));
  EXPECT_TRUE(harness.failed().empty());
}

TEST(Join, BandMayBeOneSided) {
  auto harness = made({{"after", "5s"}});
  push(harness, kLeft, left({"a"}, {1}), {10});
  push(harness, kRightInput, right({"a", "a", "a", "a"}, {1, 2, 3, 4}), {9, 10, 15, 16});
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull()["right_w"], (Cells{2, 3}));
}

TEST(Join, ResultsComeInTheOrderOfEventTimeWhateverTheArrival) {
  auto harness = made();
  push(harness, kRightInput, right({"a", "b", "a"}, {1, 2, 3}), {9, 3, 1});
  push(harness, kLeft, left({"a", "b"}, {1, 2}), {5, 5});
  harness.advance(5 * kSecond);
  EXPECT_EQ(harness.pull().rows(), 0);  // rows of the fifth second may follow
  harness.advance(6 * kSecond);
  Table table = harness.pull();
  EXPECT_EQ(sorted(table, "k")["right_w"], (Cells{3, 2}));
  harness.advance(10 * kSecond);
  table = harness.pull();
  EXPECT_EQ(table["k"], (Cells{"a"}));
  EXPECT_EQ(table["right_w"], (Cells{1}));
}

TEST(Join, ResultsCarryTheLaterTimeAndTheLowerWatermark) {
  auto harness = made({{"kind", "outer"}});
  push(harness, kLeft, left({"a", "l"}, {1, 2}), {5, 6}, 2);
  push(harness, kRightInput, right({"a", "r"}, {3, 4}), {9, 9}, 1);
  harness.advance(INT64_MAX);
  std::map<std::string, std::pair<int64_t, int64_t>> stamps;
  for (const Batch& batch : harness.pull_batches()) {
    ASSERT_NE(batch.event_times(), nullptr);
    const TextView keys(*batch.find("k"));
    for (int64_t row = 0; row < batch.rows(); ++row) {
      stamps[std::string(keys[row])] = {batch.event_times()[row] / kSecond,
                                        batch.watermarks()[row] / kSecond};
    }
  }
  EXPECT_EQ(stamps["a"], (std::pair<int64_t, int64_t>(9, 1)));
  EXPECT_EQ(stamps["l"], (std::pair<int64_t, int64_t>(16, 2)));
  EXPECT_EQ(stamps["r"], (std::pair<int64_t, int64_t>(19, 1)));
}

TEST(Join, LeftRowsWithoutAPartnerComeWhenNoneCanComeAnyMore) {
  auto harness = made({{"kind", "left"}, {"before", "2s"}, {"after", "10s"}});
  push(harness, kLeft, left({"a", "b"}, {1, 2}), {0, 0});
  push(harness, kRightInput, right({"b", "c"}, {3, 4}), {10, 10});
  harness.advance(10 * kSecond);
  EXPECT_EQ(harness.pull().rows(), 0);
  harness.advance(11 * kSecond);
  const Table table = sorted(harness.pull(), "k");
  EXPECT_EQ(table["k"], (Cells{"a", "b"}));
  EXPECT_EQ(table["right_w"], (Cells{nullptr, 3}));
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull().rows(), 0);  // c is on the right
}

TEST(Join, OuterTellsRightRowsToo) {
  auto harness = made({{"kind", "outer"}});
  push(harness, kLeft, left({"a"}, {1}), {0});
  push(harness, kRightInput, right({"c"}, {4}), {3});
  harness.advance(INT64_MAX);
  const Table table = sorted(harness.pull(), "k");
  EXPECT_EQ(table["k"], (Cells{"a", "c"}));
  EXPECT_EQ(table["v"], (Cells{1, nullptr}));
  EXPECT_EQ(table["right_w"], (Cells{nullptr, 4}));
}

TEST(Join, DuplicatesMakeAPairEach) {
  auto harness = made();
  push(harness, kLeft, left({"a", "a"}, {1, 1}), {0, 0});
  push(harness, kRightInput, right({"a", "a", "a"}, {5, 5, 6}), {1, 1, 1});
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull()["right_w"], (Cells{5, 5, 5, 5, 6, 6}));
}

TEST(Join, RowsBehindTheirOwnWatermarkAreLate) {
  auto harness = made({{"kind", "outer"}});
  push(harness, kLeft, left({"a"}, {1}), {4}, 5);
  push(harness, kRightInput, right({"a"}, {2}), {5}, 5);
  EXPECT_EQ(harness.host().late_rows, 1);
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull()["right_w"], (Cells{2}));
}

TEST(Join, RowsOfAnIdlePartitionMeetWhatIsThere) {
  auto harness = made({{"kind", "outer"}});
  push(harness, kLeft, left({"a", "a"}, {1, 2}), {0, 30});
  harness.advance(30 * kSecond);
  EXPECT_EQ(harness.pull()["v"], (Cells{1}));  // its time was over
  push(harness, kRightInput, right({"a", "a"}, {3, 4}), {22, 5});
  harness.advance(INT64_MAX);
  const Table table = sorted(harness.pull(), "right_w");
  EXPECT_EQ(table["v"], (Cells{2, nullptr}));
  EXPECT_EQ(table["right_w"], (Cells{3, 4}));
}

// Each row of the key that is settled has the far one planned for again.
TEST(Join, RowFarAheadDoesNotMakeTheKeysPlanGrow) {
  auto harness = made({{"within", "0s"}});
  push(harness, kLeft, left({"a"}, {0}), {1'000'000'000});
  const auto follow = [&](int64_t from, int64_t to) {
    for (int64_t time = from; time < to; ++time) {
      push(harness, kLeft, left({"a"}, {1}), {time}, time - 1);
      harness.advance((time + 1) * kSecond);
    }
  };
  follow(0, 2'000);
  const auto heap = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  const size_t before = heap();
  follow(2'000, 50'000);
  EXPECT_LT(heap(), before + 200'000);
  EXPECT_TRUE(harness.failed().empty());
}

TEST(Join, NullKeysFail) {
  auto harness = made({{"kind", "outer"}});
  push(harness, kLeft, left({nullptr, "a"}, {1, 2}), {0, 0});
  push(harness, kRightInput, right({nullptr}, {1}), {0});
  ASSERT_EQ(harness.failed().size(), 2U);
  EXPECT_EQ(harness.failed()[0].reason, "no_key");
  EXPECT_EQ(harness.failed()[1].reason, "no_key");
  EXPECT_EQ(harness.host().absorbed, 1);
}

TEST(Join, RowsPastTheBoundsFail) {
  auto harness = made({{"max_rows", 2}, {"max_keys", 128}});
  push(harness, kLeft, left({"a", "a", "a"}, {1, 2, 3}), {0, 1, 2});
  ASSERT_EQ(harness.failed().size(), 1U);
  EXPECT_EQ(harness.failed()[0].reason, "too_many_rows");
  Cells keys;
  Cells values;
  for (int i = 0; i < 2000; ++i) {
    keys.emplace_back("key " + std::to_string(i));
    values.emplace_back(i);
  }
  push(harness, kRightInput, right(keys, values), std::vector<int64_t>(2000, 0));
  EXPECT_EQ(harness.failed().back().reason, "too_many_keys");
  // One key a group, beside which the group's list of columns does not count.
  EXPECT_EQ(harness.host().absorbed, 2 + 127);
  const size_t failed = harness.failed().size();
  harness.advance(INT64_MAX);
  push(harness, kLeft, left({"later"}, {1}), {0});
  EXPECT_EQ(harness.failed().size(), failed);
}

TEST(Join, TimesAtTheEndOfTimeFail) {
  auto harness = made();
  harness.push(harness.timed(harness.batch(left({"a", "a"}, {1, 2})), {INT64_MAX - 1, INT64_MIN},
                             {INT64_MIN, INT64_MIN}),
               kLeft);
  ASSERT_EQ(harness.failed().size(), 1U);
  EXPECT_EQ(harness.failed()[0].reason, "bad_time");
  harness.advance(INT64_MAX);
}

TEST(Join, NothingIsKeptOfWhatIsOver) {
  for (const std::string kind : {"inner", "outer"}) {
    auto harness = made({{"kind", kind}});
    int64_t bytes = 0;
    for (int64_t round = 0; round < 20; ++round) {
      Cells keys;
      for (int i = 0; i < 300; ++i) keys.emplace_back("key " + std::to_string(round * 300 + i));
      push(harness, kLeft, left(keys, keys), std::vector<int64_t>(300, round * 100));
      push(harness, kRightInput, right(keys, keys), std::vector<int64_t>(300, round * 100 + 1));
      harness.advance(round * 100 * kSecond);
      if (round == 5) bytes = harness.host().state().bytes();
    }
    harness.advance(INT64_MAX);
    EXPECT_EQ(harness.pull().rows(), 20 * 300);
    EXPECT_EQ(harness.host().state().bytes(), bytes);
  }
}

TEST(Join, ColumnsOfAnyTypeComeBack) {
  auto harness = made({{"kind", "left"}});
  const Table nested{
      {"k", {"a", "b"}},
      {"flag", {true, nullptr}},
      {"number", {1.5, nullptr}},
      {"at", Type::timestamp(), {7, nullptr}},
      {"site", Type::category(), {"berlin, a text longer than a view", nullptr}},
      {"token", Type::json(), {R"({"a": [1, 2]})", nullptr}},
      {"place",
       Type::structure({{"lat", Type::float64()}, {"tags", Type::list(Type::text())}}),
       {Cell::structure({{"lat", 1.25}, {"tags", Cell::list({"x", nullptr})}}), nullptr}}};
  push(harness, kLeft, nested, {0, 0});
  harness.advance(INT64_MAX);
  const Table table = sorted(harness.pull(), "k");
  for (const auto& column : nested.columns) {
    EXPECT_EQ(table[column.name], column.cells) << column.name;
  }
}

TEST(Join, ColumnsMayComeLater) {
  auto harness = made({{"kind", "outer"}});
  push(harness, kLeft, {{"k", {"a"}}, {"v", {1}}}, {0});
  push(harness, kLeft, {{"k", {"b"}}, {"x", {"new"}}}, {1});
  push(harness, kRightInput, {{"id", {"a"}}}, {2});
  harness.advance(INT64_MAX);
  const Table table = sorted(harness.pull(), "k");
  EXPECT_EQ(table["v"], (Cells{1, nullptr}));
  EXPECT_EQ(table["x"], (Cells{nullptr, "new"}));
}

TEST(Join, KeysMayHaveSeveralFieldsOfOtherNames) {
  auto harness = Harness::of<Join>(
      {{"left_key", Names{"site", "device"}}, {"right_key", Names{"s", "d"}}, {"within", "1s"}});
  push(harness, kLeft, {{"site", {"x", "x"}}, {"device", {1, 2}}, {"v", {1, 2}}}, {0, 0});
  push(harness, kRightInput, {{"s", {"x", "y"}}, {"d", {2, 1}}, {"v", {3, 4}}}, {0, 0});
  harness.advance(INT64_MAX);
  const Table table = harness.pull();
  EXPECT_EQ(table["device"], (Cells{2}));
  EXPECT_EQ(table["v"], (Cells{2}));
  EXPECT_EQ(table["right_v"], (Cells{3}));
}

std::string refusal_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const std::exception& refused) {
    return refused.what();
  }
  return "";
}

TEST(Join, RefusesWhatCannotBeJoined) {
  EXPECT_NE(refusal_of([] {
              made({{"within", "1s"}, {"after", "1s"}});
            }).find("give it or them"),
            std::string::npos);
  EXPECT_NE(refusal_of([] {
              Harness::of<Join>({{"left_key", Names{"a"}}, {"right_key", Names{"a"}}});
            }).find("must be given"),
            std::string::npos);
  EXPECT_NE(refusal_of([] {
              auto harness = made();
              push(harness, kLeft, left({"1"}, {1}), {0});
              push(harness, kRightInput, right({1}, {1}), {0});
            }).find("is text on the left and int64 on the right"),
            std::string::npos);
  EXPECT_NE(refusal_of([] {
              auto harness = made({{"right_prefix", ""}});
              push(harness, kLeft, {{"k", {"1"}}, {"v", {1}}}, {0});
              push(harness, kRightInput, {{"id", {"1"}}, {"v", {1}}}, {0});
            }).find("would be called 'v'"),
            std::string::npos);
  EXPECT_NE(refusal_of([] {
              auto harness = made();
              harness.push(left({"a"}, {1}), kLeft);
            }).find("put the transform event_time before this"),
            std::string::npos);
}

// More results than fit a batch, with room for one at a time.
TEST(Join, ManyPairsOfOneKeyComeInPieces) {
  auto harness = made();
  const Cells keys(300, "a");
  Cells values;
  for (int i = 0; i < 300; ++i) values.emplace_back(i);
  push(harness, kLeft, left(keys, values), std::vector<int64_t>(300, 0));
  push(harness, kRightInput, right(keys, values), std::vector<int64_t>(300, 1));
  harness.host().limit_room(1);
  harness.advance(INT64_MAX);
  const auto batches = harness.pull_batches();
  EXPECT_GT(batches.size(), 5U);
  int64_t rows = 0;
  for (const Batch& batch : batches) rows += batch.rows();
  EXPECT_EQ(rows, 90'000);
}

struct Row {
  int64_t key, time, value;
};
std::vector<Row> random_rows(std::mt19937_64& random, int n) {
  std::vector<Row> rows;
  for (int64_t i = 0; i < n; ++i) {
    rows.push_back({static_cast<int64_t>(random() % 6), static_cast<int64_t>(random() % 200), i});
  }
  return rows;
}

// Against two loops, with rows out of order, in pieces, and watermarks in between.
TEST(Join, EqualsTwoLoops) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    auto harness = made({{"kind", "outer"}, {"before", "7s"}, {"after", "3s"}});
    std::vector<std::vector<Row>> rows{random_rows(random, 80), random_rows(random, 80)};
    std::multimap<std::pair<int64_t, int64_t>, int64_t> expected;  // values to the result's time
    std::vector<bool> met(80);
    for (const Row& l : rows[0]) {
      bool any = false;
      for (const Row& r : rows[1]) {
        if (l.key != r.key || r.time < l.time - 7 || r.time > l.time + 3) continue;
        expected.emplace(std::pair(l.value, r.value), std::max(l.time, r.time));
        met[static_cast<size_t>(r.value)] = any = true;
      }
      if (!any) expected.emplace(std::pair(l.value, -1), l.time + 3);
    }
    for (const Row& r : rows[1]) {
      if (!met[static_cast<size_t>(r.value)]) expected.emplace(std::pair(-1, r.value), r.time + 7);
    }
    // Rows come by time within 20 seconds; the watermark follows.
    for (auto& side : rows) {
      std::stable_sort(side.begin(), side.end(),
                       [](const Row& a, const Row& b) { return a.time / 20 < b.time / 20; });
    }
    std::multimap<std::pair<int64_t, int64_t>, int64_t> got;
    int64_t last = INT64_MIN;
    const auto collect = [&] {
      for (const Batch& batch : harness.pull_batches()) {
        const flow_column* v = batch.find("v");
        const flow_column* w = batch.find("right_w");
        for (int64_t row = 0; row < batch.rows(); ++row) {
          const auto value = [&](const flow_column* column) {
            return column == nullptr || Int64View(*column).is_null(row) ? -1
                                                                        : Int64View(*column)[row];
          };
          const int64_t time = batch.event_times()[row] / kSecond;
          EXPECT_GE(time, last);
          last = time;
          got.emplace(std::pair(value(v), value(w)), time);
        }
      }
    };
    std::vector<size_t> at(2);
    while (at[0] < 80 || at[1] < 80) {
      const auto input = static_cast<uint32_t>(at[0] == 80 || (at[1] < 80 && random() % 2 == 0));
      Cells keys;
      Cells values;
      std::vector<int64_t> times;
      for (size_t n = random() % 20 + 1; n > 0 && at[input] < 80; --n) {
        const Row& row = rows[input][at[input]++];
        keys.emplace_back(row.key);
        values.emplace_back(row.value);
        times.push_back(row.time);
      }
      push(harness, input, input == kLeft ? left(keys, values) : right(keys, values), times);
      int64_t low = INT64_MAX;
      for (size_t side = 0; side < 2; ++side) {
        if (at[side] < 80) low = std::min(low, rows[side][at[side]].time / 20 * 20 * kSecond);
      }
      harness.advance(low);
      collect();
    }
    harness.advance(INT64_MAX);
    collect();
    EXPECT_EQ(std::vector(got.begin(), got.end()).size(), expected.size());
    std::vector<std::pair<std::pair<int64_t, int64_t>, int64_t>> a(got.begin(), got.end());
    std::vector<std::pair<std::pair<int64_t, int64_t>, int64_t>> b(expected.begin(),
                                                                   expected.end());
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    EXPECT_EQ(a, b) << "seed " << seed;
  }
}

}  // namespace
}  // namespace flow::operators::join_test
