#include "operators/common/aggregate.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "operators/windows/tumbling.hpp"
#include "tests/operators/windows/window_harness.hpp"

namespace flow::operators::aggregate_test {
namespace {

using flow::testing::Cell;
using flow::testing::Table;

// What `call` says of one window of these values.
Cell result_of(const std::string& call, const Type& type, const Cells& values) {
  auto harness = windows<Tumbling>({{"r", call}}, {}, {{"size", "10s"}});
  Table table{{"k", Cells(values.size(), "a")}};
  table.columns.emplace_back("v", type, values);
  push_timed(harness, table, std::vector<int64_t>(values.size(), 1), -1);
  harness.advance(INT64_MAX);
  return harness.pull()["r"].at(0);
}
// The words of what is wrong with a call.
std::string mistake_in(const std::string& call) {
  try {
    windows<Tumbling>({{"r", call}}, {}, {{"size", "10s"}});
  } catch (const std::runtime_error& refused) {
    return refused.what();
  }
  return "";
}
bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Aggregate, MistakesAreNamed) {
  EXPECT_TRUE(says(mistake_in("cuont()"), "did you mean 'count'?"));
  EXPECT_TRUE(says(mistake_in("frobnicate(v)"), "there are count, sum"));
  EXPECT_TRUE(says(mistake_in("v"), "a function of a field"));
  EXPECT_TRUE(says(mistake_in("sum()"), "write sum(field)"));
  EXPECT_TRUE(says(mistake_in("sum(v, 1)"), "2 arguments"));
  EXPECT_TRUE(says(mistake_in("sum(1)"), "must be a field"));
  EXPECT_TRUE(says(mistake_in("sum(v + 1)"), "compute"));
  EXPECT_TRUE(says(mistake_in("quantile(v, 1.5)"), "0 to 1"));
  EXPECT_TRUE(says(mistake_in("top(v, 0)"), "1 to 100"));
  EXPECT_TRUE(says(mistake_in("top(v, 2.5)"), "1 to 100"));
  EXPECT_TRUE(says(mistake_in("sum(v"), "bracket"));
  EXPECT_TRUE(says(mistake_in(""), "missing"));
  EXPECT_THROW(windows<Tumbling>({{"k", "count()"}}, {}, {{"size", "10s"}}), std::runtime_error);
  EXPECT_THROW(windows<Tumbling>({}, {}, {{"size", "10s"}}), std::runtime_error);
}

TEST(Aggregate, TypesThatAFunctionCannotTakeAreRefused) {
  for (const char* call : {"sum(v)", "mean(v)", "min(v)", "quantile(v, 0.5)", "stddev(v)"}) {
    EXPECT_THROW(result_of(call, Type::text(), {"a"}), std::runtime_error) << call;
  }
  EXPECT_THROW(result_of("sum(v)", Type::timestamp(), {1}), std::runtime_error);
  EXPECT_THROW(result_of("sum(nothing)", Type::int64(), {1}), std::runtime_error);
}

TEST(Aggregate, NullsAndNansAreNoValues) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Cells values{nullptr, nan, 3.0, -1.0};
  const Type type = Type::float64();
  EXPECT_EQ(result_of("count()", type, values), Cell(4));
  EXPECT_EQ(result_of("count(v)", type, values), Cell(2));
  EXPECT_EQ(result_of("sum(v)", type, values), Cell(2.0));
  EXPECT_EQ(result_of("mean(v)", type, values), Cell(1.0));
  EXPECT_EQ(result_of("min(v)", type, values), Cell(-1.0));
  EXPECT_EQ(result_of("max(v)", type, values), Cell(3.0));
  EXPECT_EQ(result_of("distinct(v)", type, values), Cell(2));
  EXPECT_EQ(result_of("first(v)", type, values), Cell(3.0));
  EXPECT_EQ(result_of("last(v)", type, values), Cell(-1.0));
  EXPECT_NEAR(result_of("stddev(v)", type, values).number(), std::sqrt(8.0), 1e-12);
  for (const char* call :
       {"sum(v)", "mean(v)", "min(v)", "max(v)", "stddev(v)", "first(v)", "quantile(v, 0.5)"}) {
    EXPECT_TRUE(result_of(call, type, {nullptr, nan}).is_null()) << call;
  }
  EXPECT_EQ(result_of("count(v)", type, {nullptr, nan}), Cell(0));
  EXPECT_EQ(result_of("distinct(v)", type, {nullptr, nan}), Cell(0));
  EXPECT_TRUE(result_of("top(v, 3)", type, {nullptr, nan}).items().empty());
}

TEST(Aggregate, InfiniteValuesTakePart) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(result_of("max(v)", Type::float64(), {1.0, infinity}), Cell(infinity));
  EXPECT_EQ(result_of("sum(v)", Type::float64(), {1.0, -infinity}), Cell(-infinity));
  EXPECT_EQ(result_of("quantile(v, 1)", Type::float64(), {1.0, infinity}), Cell(infinity));
}

TEST(Aggregate, SumOfIntegersIsExactOrNull) {
  const Type type = Type::int64();
  EXPECT_EQ(result_of("sum(v)", type, {INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN, 5}), Cell(3));
  EXPECT_TRUE(result_of("sum(v)", type, {INT64_MAX, 1}).is_null());
  EXPECT_EQ(result_of("mean(v)", type, {INT64_MAX, INT64_MAX}), Cell(9223372036854775807.0));
}

TEST(Aggregate, FirstAndLastGoByTime) {
  auto harness = windows<Tumbling>({{"f", "first(v)"}, {"l", "last(v)"}}, {}, {{"size", "10s"}});
  push_timed(
      harness,
      {{"k", Cells(5, "a")},
       {"v", {"middle", "one text of the beginning", "another", "of the end", "the very end"}}},
      {5, 1, 1, 9, 9}, -1);
  harness.advance(INT64_MAX);
  const Table table = harness.pull();
  EXPECT_EQ(table["f"], (Cells{"one text of the beginning"}));
  EXPECT_EQ(table["l"], (Cells{"the very end"}));
  EXPECT_EQ(result_of("last(v)", Type::boolean(), {true, false}), Cell(false));
  EXPECT_EQ(result_of("first(v)", Type::category(), {"x", "y"}), Cell("x"));
  EXPECT_EQ(result_of("first(v)", Type::text(), {std::string(100'000, 'x')}).text().size(),
            16'384U);
  EXPECT_EQ(result_of("last(v)", Type::text(), {"something long enough to be stored", ""}),
            Cell(""));
}

TEST(Aggregate, DistinctIsExactThenWithinItsError) {
  for (const int64_t different : {1, 2, 256}) {
    Cells values;
    for (int64_t i = 0; i < 1000; ++i) values.emplace_back(i % different);
    EXPECT_EQ(result_of("distinct(v)", Type::int64(), values), Cell(different));
  }
  for (const int64_t different : {257, 1000, 10'000, 100'000}) {
    Cells values;
    for (int64_t i = 0; i < different; ++i) values.emplace_back("value " + std::to_string(i));
    const auto counted =
        static_cast<double>(result_of("distinct(v)", Type::text(), values).integer());
    EXPECT_NEAR(counted, static_cast<double>(different), static_cast<double>(different) * 0.065);
  }
}

TEST(Aggregate, QuantileIsWithinItsError) {
  std::mt19937_64 random(5);
  std::lognormal_distribution<double> spread(0, 3);
  std::vector<double> sorted;
  Cells values;
  for (int i = 0; i < 20'000; ++i) {
    const double value = spread(random) * (i % 5 == 0 ? -1 : 1);
    sorted.push_back(value);
    values.emplace_back(value);
  }
  std::sort(sorted.begin(), sorted.end());
  for (const double fraction : {0.0, 0.01, 0.2, 0.5, 0.95, 0.999, 1.0}) {
    const auto rank = std::max(1.0, std::ceil(fraction * static_cast<double>(sorted.size())));
    const double expected = sorted[static_cast<size_t>(rank) - 1];
    const double got =
        result_of("quantile(v, " + std::to_string(fraction) + ")", Type::float64(), values)
            .number();
    EXPECT_NEAR(got, expected, std::abs(expected) * 0.008) << fraction;
  }
  EXPECT_EQ(result_of("quantile(v, 0.5)", Type::int64(), {0, 0, 5}), Cell(0.0));
}

TEST(Aggregate, QuantileOfAnySpreadKeepsItsBound) {
  std::mt19937_64 random(6);
  std::vector<double> sorted;
  Cells values;
  for (int i = 0; i < 30'000; ++i) {
    const double value = std::pow(10.0, static_cast<double>(random() % 600'000) / 1000 - 300);
    sorted.push_back(value);
    values.emplace_back(value);
  }
  std::sort(sorted.begin(), sorted.end());
  const double got = result_of("quantile(v, 0.5)", Type::float64(), values).number();
  // Six bits less: a bucket for each power of two or four.
  EXPECT_GT(got, sorted[14'999] / 4);
  EXPECT_LT(got, sorted[14'999] * 4);
  // The same in any order.
  std::shuffle(values.begin(), values.end(), random);
  EXPECT_EQ(result_of("quantile(v, 0.5)", Type::float64(), values).number(), got);
}

TEST(Aggregate, TopNamesTheMostFrequent) {
  const Cell top = result_of("top(v, 2)", Type::text(), {"b", "a", "c", "a", "b", "d"});
  ASSERT_EQ(top.items().size(), 2U);
  EXPECT_EQ(top.items()[0], Cell::structure({{"value", "a"}, {"count", 2}}));
  EXPECT_EQ(top.items()[1], Cell::structure({{"value", "b"}, {"count", 2}}));
  EXPECT_EQ(result_of("top(v, 9)", Type::int64(), {7, 7, -3}).items()[0],
            Cell::structure({{"value", 7}, {"count", 2}}));
}

TEST(Aggregate, TopOfManyIsWithinItsError) {
  std::mt19937_64 random(8);
  Cells values;
  int64_t often = 0;
  for (int i = 0; i < 50'000; ++i) {
    if (random() % 10 == 0) {
      values.emplace_back("the frequent one");
      ++often;
    } else {
      values.emplace_back("rare " + std::to_string(random() % 20'000));
    }
  }
  const Cell top = result_of("top(v, 1)", Type::text(), values).items().at(0);
  EXPECT_EQ(top.fields()[0].second, Cell("the frequent one"));
  EXPECT_LE(top.fields()[1].second.integer(), often);
  EXPECT_GE(top.fields()[1].second.integer(), often - 50'000 * 4 / 1000);
}

}  // namespace
}  // namespace flow::operators::aggregate_test
