#include "operators/windows/tumbling.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/operators/windows/window_harness.hpp"

namespace flow::operators::tumbling_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;

Harness made(const std::vector<std::pair<std::string, std::string>>& aggregates,
             Settings settings = {}) {
  return windows<Tumbling>(aggregates, std::move(settings), {{"size", "10s"}});
}

TEST(Tumbling, EachKeyHasOneRowAWindow) {
  auto harness = made({{"hits", "count()"}, {"total", "sum(v)"}, {"mean", "mean(v)"}});
  push_timed(harness, {{"k", {"a", "b", "a", "a"}}, {"v", {1, 2, 3, 4}}}, {0, 5, 9, 10}, -1);
  EXPECT_EQ(harness.host().absorbed, 4);
  harness.advance(10 * kSecond - 1);
  EXPECT_EQ(harness.pull().rows(), 0);
  harness.advance(10 * kSecond);
  Table table = sorted(harness.pull(), "k");
  EXPECT_EQ(table["k"], (Cells{"a", "b"}));
  EXPECT_EQ(table["window_start"], (Cells{0, 0}));
  EXPECT_EQ(table["window_end"], (Cells{10 * kSecond, 10 * kSecond}));
  EXPECT_EQ(table["hits"], (Cells{2, 1}));
  EXPECT_EQ(table["total"], (Cells{4, 2}));
  EXPECT_EQ(table["mean"], (Cells{2.0, 2.0}));
  harness.advance(INT64_MAX);
  table = harness.pull();
  EXPECT_EQ(table["k"], (Cells{"a"}));
  EXPECT_EQ(table["window_start"], (Cells{10 * kSecond}));
  EXPECT_EQ(harness.host().created, 3);
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull().rows(), 0);
}

TEST(Tumbling, LateIsWhatTheWatermarkOfTheRowSays) {
  auto harness = made({{"hits", "count()"}});
  // The second is late though nothing has fired yet, the third is not.
  push_timed(harness, {{"k", {"a", "a", "a"}}}, {1, 2, 3}, {9, 10, 9});
  EXPECT_EQ(harness.host().late_rows, 1);
  ASSERT_EQ(harness.host().late.size(), 1U);
  EXPECT_EQ(harness.host().late[0].event_times()[0], 2 * kSecond);
  EXPECT_EQ(harness.host().absorbed, 2);
  harness.advance(20 * kSecond);
  EXPECT_EQ(harness.pull()["hits"], (Cells{2}));
}

TEST(Tumbling, RowsOfAPartitionThatWasSilentAreLateForWhatWasTold) {
  auto harness = made({{"hits", "count()"}});
  push_timed(harness, {{"k", {"a"}}}, {1}, -1);
  harness.advance(10 * kSecond);
  EXPECT_EQ(harness.pull()["hits"], (Cells{1}));
  // Another partition was silent until now; by its own watermark both rows are in time.
  push_timed(harness, {{"k", {"a", "b"}}}, {5, 12}, -1);
  EXPECT_EQ(harness.host().late_rows, 1);
  harness.advance(INT64_MAX);
  const Table table = harness.pull();
  EXPECT_EQ(table["k"], (Cells{"b"}));
  EXPECT_EQ(harness.host().absorbed, 2);
}

TEST(Tumbling, WindowsFireInTheOrderOfTheirEnds) {
  auto harness = made({{"hits", "count()"}});
  push_timed(harness, {{"k", {"a", "a", "a", "b"}}}, {45, 5, 25, 5}, -1);
  harness.advance(INT64_MAX);
  const Table table = harness.pull();
  EXPECT_EQ(table["window_start"], (Cells{0, 0, 20 * kSecond, 40 * kSecond}));
}

TEST(Tumbling, OffsetMovesWindows) {
  auto harness = made({{"hits", "count()"}}, {{"offset", "3s"}});
  push_timed(harness, {{"k", {"a", "a", "a"}}}, {2, 3, -8}, -100);
  harness.advance(INT64_MAX);
  const Table table = harness.pull();
  EXPECT_EQ(table["window_start"], (Cells{-17 * kSecond, -7 * kSecond, 3 * kSecond}));
}

TEST(Tumbling, KeysMayBeOfAnyPlainType) {
  const std::vector<std::pair<Type, std::vector<Cell>>> columns = {
      {Type::int64(), {5, -5, 5, nullptr, nullptr}},
      {Type::float64(), {0.0, 1.5, -0.0, nullptr, nullptr}},
      {Type::boolean(), {true, false, true, nullptr, nullptr}},
      {Type::timestamp(), {5, 6, 5, nullptr, nullptr}},
      {Type::text(), {"abcd", "", "abcd", nullptr, nullptr}},
      {Type::category(),
       {"a longer text than twelve", "b", "a longer text than twelve", nullptr, nullptr}}};
  for (const auto& [type, cells] : columns) {
    auto harness = made({{"hits", "count()"}});
    Table table;
    table.columns.emplace_back("k", type, cells);
    push_timed(harness, table, {1, 2, 3, 4, 5}, -1);
    harness.advance(INT64_MAX);
    const Table result = harness.pull();
    ASSERT_EQ(result.rows(), 3);
    std::map<bool, int64_t> hits;
    for (int i = 0; i < 3; ++i) {
      const auto at = static_cast<size_t>(i);
      hits[result["k"][at].is_null()] += result["hits"][at].integer();
    }
    EXPECT_EQ(hits[true], 2);
    EXPECT_EQ(hits[false], 3);
    EXPECT_EQ(result.columns[0].type, Type::of(value_type(type.id())));
  }
}

TEST(Tumbling, SeveralFieldsOrNoneMakeAKey) {
  auto harness = Harness::of<Tumbling>({{"key", Names{"a", "b"}},
                                        {"size", "10s"},
                                        {"aggregate", Setting::table({{"n", "count()"}})}});
  push_timed(harness, {{"a", {"x", "x", "x"}}, {"b", {1, 2, 1}}}, {1, 2, 3}, -1);
  harness.advance(INT64_MAX);
  Table table = sorted(harness.pull(), "b");
  EXPECT_EQ(table["a"], (Cells{"x", "x"}));
  EXPECT_EQ(table["b"], (Cells{1, 2}));
  EXPECT_EQ(table["n"], (Cells{2, 1}));

  auto all = Harness::of<Tumbling>(
      {{"key", Names{}}, {"size", "10s"}, {"aggregate", Setting::table({{"n", "count()"}})}});
  push_timed(all, {{"a", {"x", "y", "z"}}}, {1, 2, 30}, -1);
  all.advance(INT64_MAX);
  table = all.pull();
  EXPECT_EQ(table["n"], (Cells{2, 1}));
  EXPECT_EQ(table.columns[0].name, "window_start");
}

TEST(Tumbling, KeysPastTheBoundFail) {
  auto harness = made({{"hits", "count()"}}, {{"max_keys", 1280}});
  std::vector<Cell> keys;
  std::vector<int64_t> times;
  for (int i = 0; i < 20'000; ++i) {
    keys.emplace_back(i % 10'000);
    times.push_back(i / 10'000 * 10);
  }
  push_timed(harness, {{"k", keys}}, times, -1);
  const auto failed = static_cast<int64_t>(harness.failed().size());
  EXPECT_EQ(harness.host().absorbed + failed, 20'000);
  EXPECT_EQ(harness.host().absorbed, 2 * 1280);
  EXPECT_EQ(harness.failed().front().reason, "too_many_keys");
  harness.advance(10 * kSecond);
  EXPECT_EQ(harness.pull().rows(), 1280);
}

TEST(Tumbling, KeysGoWithTheirWindows) {
  auto harness = made({{"hits", "count()"}});
  for (int64_t window = 0; window < 50; ++window) {
    std::vector<Cell> keys;
    keys.reserve(1000);
    for (int i = 0; i < 1000; ++i) keys.emplace_back(window * 1000 + i);
    push_timed(harness, {{"k", keys}}, std::vector<int64_t>(1000, window * 10), -1);
    harness.advance(window * 10 * kSecond);
  }
  KeyedTable<StoredBytes> keys(Host(harness.host().abi()), "keys", 1);
  EXPECT_LE(keys.size(), 3000U);
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull().rows(), 50'000);
}

TEST(Tumbling, StateLimitFailsRows) {
  auto harness = made({{"hits", "count()"}});
  harness.host().state_limit = 12 << 20;
  std::vector<Cell> keys;
  keys.reserve(20'000);
  for (int i = 0; i < 20'000; ++i) {
    keys.emplace_back("a key of some length, number " + std::to_string(i));
  }
  push_timed(harness, {{"k", keys}}, std::vector<int64_t>(20'000, 1), -1);
  ASSERT_FALSE(harness.failed().empty());
  for (const auto& failure : harness.failed()) ASSERT_EQ(failure.reason, "state_limit");
  EXPECT_EQ(harness.host().absorbed + static_cast<int64_t>(harness.failed().size()), 20'000);
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull().rows(), harness.host().absorbed);
}

TEST(Tumbling, ImpossibleTimesAndKeysFailOneByOne) {
  auto harness = made({{"hits", "count()"}});
  const Table table{{"k", {"a", "b", std::string(70'000, 'x'), "c"}}};
  harness.push(harness.timed(harness.batch(table), {INT64_MIN, INT64_MAX, 0, 0},
                             std::vector<int64_t>(4, INT64_MIN)));
  ASSERT_EQ(harness.failed().size(), 3U);
  EXPECT_EQ(harness.failed()[0].reason, "bad_time");
  EXPECT_EQ(harness.failed()[1].reason, "bad_time");
  EXPECT_EQ(harness.failed()[2].reason, "key_too_long");
  EXPECT_EQ(harness.host().absorbed, 1);
}

TEST(Tumbling, RowsWithoutEventTimeSayWhatToDo) {
  auto harness = made({{"hits", "count()"}});
  try {
    harness.push({{"k", {"a"}}});
    FAIL() << "rows without event time are taken";
  } catch (const std::runtime_error& refused) {
    EXPECT_NE(std::string(refused.what()).find("event_time"), std::string::npos);
  }
}

TEST(Tumbling, ProcessingTimeFiresByTheClock) {
  auto harness = made({{"hits", "count()"}}, {{"time", "processing"}});
  harness.set_clock(1'000 * kSecond);
  harness.push({{"k", {"a", "b", "a"}}});
  harness.advance(5'000 * kSecond);  // watermarks are not its time
  harness.fire_due(FLOW_PROCESSING_TIME, 1'009 * kSecond);
  EXPECT_EQ(harness.pull().rows(), 0);
  harness.set_clock(1'010 * kSecond);
  harness.push({{"k", {"a"}}});
  harness.fire_due(FLOW_PROCESSING_TIME, 1'010 * kSecond);
  Table table = sorted(harness.pull(), "k");
  EXPECT_EQ(table["hits"], (Cells{2, 1}));
  harness.fire_due(FLOW_PROCESSING_TIME, 1'020 * kSecond);
  EXPECT_EQ(harness.pull()["hits"], (Cells{1}));
}

TEST(Tumbling, UpdatesTellWhatHasChanged) {
  auto harness = made({{"hits", "count()"}}, {{"emit", "updates"}, {"every", "2s"}});
  push_timed(harness, {{"k", {"a", "b"}}}, {0, 1}, -1);
  harness.advance(2 * kSecond);
  Table table = sorted(harness.pull(), "k");
  EXPECT_EQ(table["hits"], (Cells{1, 1}));
  EXPECT_EQ(table["final"], (Cells{false, false}));
  push_timed(harness, {{"k", {"b"}}}, {3}, -1);
  harness.advance(3 * kSecond);
  EXPECT_EQ(harness.pull().rows(), 0);
  harness.advance(4 * kSecond);
  table = harness.pull();
  EXPECT_EQ(table["k"], (Cells{"b"}));
  EXPECT_EQ(table["hits"], (Cells{2}));
  harness.advance(INT64_MAX);
  table = sorted(harness.pull(), "k");
  EXPECT_EQ(table["hits"], (Cells{1, 2}));
  EXPECT_EQ(table["final"], (Cells{true, true}));
}

TEST(Tumbling, TypesOfFieldsStay) {
  auto harness = made({{"total", "sum(v)"}});
  push_timed(harness, {{"k", {"a"}}, {"v", {1}}}, {1}, -1);
  EXPECT_THROW(push_timed(harness, {{"k", {"a"}}, {"v", {1.5}}}, {1}, -1), std::runtime_error);
  EXPECT_THROW(push_timed(harness, {{"k", {1}}, {"v", {1}}}, {1}, -1), std::runtime_error);
  EXPECT_THROW(push_timed(harness, {{"k", {"a"}}}, {1}, -1), std::runtime_error);
}

// The same by a map, for random rows in random batches, out of order.
TEST(Tumbling, EqualsAMapOfEverything) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    auto harness = made({{"n", "count()"}, {"s", "sum(v)"}, {"lo", "min(v)"}, {"hi", "max(v)"}});
    std::map<std::pair<int64_t, int64_t>, std::vector<double>> expected;
    int64_t watermark = 0;
    int64_t late = 0;
    for (int batch = 0; batch < 40; ++batch) {
      Cells keys, values;
      std::vector<int64_t> times, stamps;
      const auto rows = static_cast<int>(random() % 300);
      for (int i = 0; i < rows; ++i) {
        const auto key = static_cast<int64_t>(random() % 200);
        const int64_t time = watermark + static_cast<int64_t>(random() % 40) - 12;
        const auto value = static_cast<double>(random() % 1000);
        keys.emplace_back(key);
        values.emplace_back(value);
        times.push_back(time);
        stamps.push_back(watermark);
        const int64_t start = time >= 0 ? time / 10 * 10 : (time - 9) / 10 * 10;
        if (start + 10 <= watermark) {
          ++late;
        } else {
          expected[{start, key}].push_back(value);
        }
      }
      Table table;
      table.columns.emplace_back("k", Type::int64(), keys);
      table.columns.emplace_back("v", Type::float64(), values);
      push_timed(harness, table, times, stamps);
      if (random() % 3 == 0) {
        watermark += static_cast<int64_t>(random() % 15);
        harness.advance(watermark * kSecond);
      }
    }
    harness.advance(INT64_MAX);
    EXPECT_EQ(harness.host().late_rows, late);
    const Table table = harness.pull();
    ASSERT_EQ(table.rows(), static_cast<int64_t>(expected.size()));
    for (size_t row = 0; row < static_cast<size_t>(table.rows()); ++row) {
      const auto& values =
          expected.at({table["window_start"][row].integer() / kSecond, table["k"][row].integer()});
      double sum = 0;
      for (const double value : values) sum += value;
      EXPECT_EQ(table["n"][row].integer(), static_cast<int64_t>(values.size()));
      EXPECT_EQ(table["s"][row].number(), sum);
      EXPECT_EQ(table["lo"][row].number(), *std::min_element(values.begin(), values.end()));
      EXPECT_EQ(table["hi"][row].number(), *std::max_element(values.begin(), values.end()));
    }
  }
}

}  // namespace
}  // namespace flow::operators::tumbling_test
