#include "operators/windows/sliding.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/operators/windows/window_harness.hpp"

namespace flow::operators::sliding_test {
namespace {

using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;

Harness made(const std::vector<std::pair<std::string, std::string>>& aggregates,
             Settings settings = {}) {
  return windows<Sliding>(aggregates, std::move(settings), {{"size", "30s"}, {"slide", "10s"}});
}

TEST(Sliding, RowCountsForEveryWindowItIsIn) {
  auto harness = made({{"hits", "count()"}});
  push_timed(harness, {{"k", {"a", "a"}}}, {5, 15}, -1);
  harness.advance(INT64_MAX);
  const Table table = harness.pull();
  EXPECT_EQ(table["window_start"], (Cells{-20 * kSecond, -10 * kSecond, 0, 10 * kSecond}));
  EXPECT_EQ(table["hits"], (Cells{1, 2, 2, 1}));
}

TEST(Sliding, RowMissesOnlyTheWindowsThatAreOver) {
  auto harness = made({{"hits", "count()"}});
  // Of the second row's windows, those that end at 10 and 20 are over; none is left of the third's.
  push_timed(harness, {{"k", {"a", "a", "a"}}}, {5, 5, 5}, {9, 25, 30});
  EXPECT_EQ(harness.host().late_rows, 1);
  EXPECT_EQ(harness.host().absorbed, 2);
  EXPECT_EQ(harness.metric("missed_windows"), 2);
  harness.advance(INT64_MAX);
  const Table table = harness.pull();
  EXPECT_EQ(table["window_end"], (Cells{10 * kSecond, 20 * kSecond, 30 * kSecond}));
  EXPECT_EQ(table["hits"], (Cells{1, 1, 2}));
}

TEST(Sliding, SizeNeedNotBeAMultipleOfSlide) {
  auto harness = made({{"hits", "count()"}}, {{"size", "25s"}, {"slide", "10s"}});
  push_timed(harness, {{"k", {"a", "a", "a"}}}, {0, 4, 6}, -30);
  harness.advance(INT64_MAX);
  const Table table = harness.pull();
  // [-20, 5) has two of them.
  EXPECT_EQ(table["window_start"], (Cells{-20 * kSecond, -10 * kSecond, 0}));
  EXPECT_EQ(table["hits"], (Cells{2, 3, 3}));
}

TEST(Sliding, SlideMustNotLeaveGaps) {
  EXPECT_THROW(made({{"n", "count()"}}, {{"slide", "31s"}}), std::runtime_error);
  EXPECT_THROW(made({{"n", "count()"}}, {{"size", "1h"}, {"slide", "7001ms"}}), std::runtime_error);
}

// Windows of many panes are made of kept sums: against plain counts, with keys that come and go.
TEST(Sliding, ManyPanesAddUpToTheSame) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    std::mt19937_64 random(seed);
    auto harness = made({{"n", "count()"}, {"s", "sum(v)"}, {"hi", "max(v)"}},
                        {{"size", "12s"}, {"slide", "1s"}});
    std::map<std::pair<int64_t, int64_t>, std::vector<int64_t>> expected;
    int64_t watermark = 0;
    for (int batch = 0; batch < 200; ++batch) {
      Cells keys, values;
      std::vector<int64_t> times, stamps;
      const auto rows = static_cast<int>(random() % 60);
      for (int i = 0; i < rows; ++i) {
        const auto key = static_cast<int64_t>(random() % 40) + watermark / 20 * 20;
        const int64_t time = watermark + static_cast<int64_t>(random() % 20) - 10;
        const auto value = static_cast<int64_t>(random() % 1000) - 500;
        keys.emplace_back(key);
        values.emplace_back(value);
        times.push_back(time);
        stamps.push_back(watermark);
        for (int64_t start = time - 11; start <= time; ++start) {
          if (start + 12 > watermark) expected[{start, key}].push_back(value);
        }
      }
      Table table;
      table.columns.emplace_back("k", Type::int64(), keys);
      table.columns.emplace_back("v", Type::int64(), values);
      push_timed(harness, table, times, stamps);
      if (random() % 2 == 0) {
        watermark += static_cast<int64_t>(random() % (random() % 10 == 0 ? 40 : 4));
        harness.advance(watermark * kSecond);
      }
    }
    harness.advance(INT64_MAX);
    const Table table = harness.pull();
    ASSERT_EQ(table.rows(), static_cast<int64_t>(expected.size()));
    for (size_t at = 0; at < static_cast<size_t>(table.rows()); ++at) {
      const auto& values =
          expected.at({table["window_start"][at].integer() / kSecond, table["k"][at].integer()});
      int64_t sum = 0;
      for (const int64_t value : values) sum += value;
      EXPECT_EQ(table["n"][at].integer(), static_cast<int64_t>(values.size()));
      EXPECT_EQ(table["s"][at].integer(), sum);
      EXPECT_EQ(table["hi"][at].integer(), *std::max_element(values.begin(), values.end()));
    }
  }
}

// Every function against everything that came, for random rows, out of order and late.
TEST(Sliding, EqualsTheRowsOfEachWindow) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    std::mt19937_64 random(seed);
    auto harness = made({{"n", "count()"},
                         {"values", "count(v)"},
                         {"s", "sum(v)"},
                         {"whole", "sum(w)"},
                         {"lo", "min(v)"},
                         {"dev", "stddev(v)"},
                         {"kinds", "distinct(w)"},
                         {"median", "quantile(v, 0.5)"},
                         {"early", "first(w)"},
                         {"late", "last(w)"}});
    struct Row {
      int64_t time;
      double value;
      int64_t whole;
    };
    std::map<std::pair<int64_t, int64_t>, std::vector<Row>> expected;
    int64_t watermark = 0;
    for (int batch = 0; batch < 30; ++batch) {
      Cells keys, values, wholes;
      std::vector<int64_t> times, stamps;
      const auto rows = static_cast<int>(random() % 100);
      for (int i = 0; i < rows; ++i) {
        const auto key = static_cast<int64_t>(random() % 20);
        const int64_t time = watermark + static_cast<int64_t>(random() % 60) - 35;
        const bool null = random() % 10 == 0;
        const Row row{time, null ? NAN : static_cast<double>(random() % 1000),
                      static_cast<int64_t>(random() % 12)};
        keys.emplace_back(key);
        if (null) {
          values.emplace_back(nullptr);
        } else {
          values.emplace_back(row.value);
        }
        wholes.emplace_back(row.whole);
        times.push_back(time);
        stamps.push_back(watermark);
        const int64_t last = (time >= 0 ? time / 10 : (time - 9) / 10) * 10;
        for (int64_t start = last - 20; start <= last; start += 10) {
          if (start + 30 > watermark) expected[{start, key}].push_back(row);
        }
      }
      Table table;
      table.columns.emplace_back("k", Type::int64(), keys);
      table.columns.emplace_back("v", Type::float64(), values);
      table.columns.emplace_back("w", Type::int64(), wholes);
      push_timed(harness, table, times, stamps);
      if (random() % 3 == 0) {
        watermark += static_cast<int64_t>(random() % 15);
        harness.advance(watermark * kSecond);
      }
    }
    harness.advance(INT64_MAX);
    const Table table = harness.pull();
    ASSERT_EQ(table.rows(), static_cast<int64_t>(expected.size()));
    for (size_t at = 0; at < static_cast<size_t>(table.rows()); ++at) {
      const auto& rows =
          expected.at({table["window_start"][at].integer() / kSecond, table["k"][at].integer()});
      std::vector<double> values;
      std::set<int64_t> kinds;
      int64_t whole = 0;
      for (const Row& row : rows) {
        if (!std::isnan(row.value)) values.push_back(row.value);
        kinds.insert(row.whole);
        whole += row.whole;
      }
      std::sort(values.begin(), values.end());
      EXPECT_EQ(table["n"][at].integer(), static_cast<int64_t>(rows.size()));
      EXPECT_EQ(table["values"][at].integer(), static_cast<int64_t>(values.size()));
      EXPECT_EQ(table["whole"][at].integer(), whole);
      EXPECT_EQ(table["kinds"][at].integer(), static_cast<int64_t>(kinds.size()));
      ASSERT_EQ(table["s"][at].is_null(), values.empty());
      if (!values.empty()) {
        double sum = 0;
        double squares = 0;
        for (const double value : values) sum += value;
        const double mean = sum / static_cast<double>(values.size());
        for (const double value : values) squares += (value - mean) * (value - mean);
        EXPECT_EQ(table["s"][at].number(), sum);
        EXPECT_EQ(table["lo"][at].number(), values.front());
        const double median = values[(values.size() + 1) / 2 - 1];
        EXPECT_NEAR(table["median"][at].number(), median, median * 0.008);
        ASSERT_EQ(table["dev"][at].is_null(), values.size() < 2);
        if (values.size() > 1) {
          EXPECT_NEAR(table["dev"][at].number(),
                      std::sqrt(squares / static_cast<double>(values.size() - 1)), 1e-8);
        }
      }
      // The map has the rows in the order of arrival.
      const auto earlier = [](const Row& a, const Row& b) { return a.time < b.time; };
      EXPECT_EQ(table["early"][at].integer(),
                std::min_element(rows.begin(), rows.end(), earlier)->whole);
      const Row* latest = &rows.front();
      for (const Row& row : rows) latest = row.time >= latest->time ? &row : latest;
      EXPECT_EQ(table["late"][at].integer(), latest->whole);
    }
  }
}

}  // namespace
}  // namespace flow::operators::sliding_test
