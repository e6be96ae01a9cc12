#include "operators/transforms/filter.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::filter_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Table;
using flow::testing::TableColumn;

// The rows of `column` that `where` keeps; checks that the others are dropped.
std::vector<int64_t> kept(const std::string& where, const TableColumn& column,
                          int64_t unknown = 0) {
  auto harness = Harness::of<Filter>({{"where", where}});
  std::vector<Cell> numbers;
  for (size_t row = 0; row < column.cells.size(); ++row) {
    numbers.emplace_back(static_cast<int64_t>(row));
  }
  harness.push({column, {"number", numbers}});
  const Table table = harness.pull();
  std::vector<int64_t> rows;
  if (!table.columns.empty()) {
    for (const Cell& cell : table["number"]) rows.push_back(cell.integer());
  }
  EXPECT_EQ(harness.dropped("condition null"), unknown) << where;
  EXPECT_EQ(harness.dropped("condition false"),
            static_cast<int64_t>(numbers.size() - rows.size()) - unknown)
      << where;
  return rows;
}
using Rows = std::vector<int64_t>;

TEST(Filter, EveryComparatorOnEveryNumber) {
  for (const TableColumn& column :
       {TableColumn("v", {1, 2, 3}), TableColumn("v", {1.0, 2.0, 3.0}),
        TableColumn("v", {"1", "2", "3"}), TableColumn("v", Type::category(), {"1", "2", "3"}),
        TableColumn("v", Type::json(), {"1", "\"2\"", "3.0"})}) {
    EXPECT_EQ(kept("v == 2", column), (Rows{1}));
    EXPECT_EQ(kept("v != 2", column), (Rows{0, 2}));
    EXPECT_EQ(kept("v < 2", column), (Rows{0}));
    EXPECT_EQ(kept("v <= 2.0", column), (Rows{0, 1}));
    EXPECT_EQ(kept("v>1.5", column), (Rows{1, 2}));
    EXPECT_EQ(kept(" v >= 2 ", column), (Rows{1, 2}));
  }
}

TEST(Filter, LargeIntegersAreComparedExactly) {
  EXPECT_EQ(
      kept("v == 9007199254740993", {"v", {int64_t{9007199254740992}, int64_t{9007199254740993}}}),
      (Rows{1}));
}

TEST(Filter, TextIsComparedByteByByte) {
  for (const Type& type : {Type::text(), Type::category(), Type::binary()}) {
    const TableColumn column("v", type, {"GET", "POST", "it's", ""});
    EXPECT_EQ(kept("v == 'GET'", column), (Rows{0}));
    EXPECT_EQ(kept("v == \"it's\"", column), (Rows{2}));
    EXPECT_EQ(kept("v == 'it''s'", column), (Rows{2}));
    EXPECT_EQ(kept("v > 'H'", column), (Rows{1, 2}));
    EXPECT_EQ(kept("v != ''", column), (Rows{0, 1, 2}));
  }
}

TEST(Filter, NullsAreDroppedUnderTheirOwnReason) {
  EXPECT_EQ(kept("v >= 2", {"v", {1, nullptr, 3}}, 1), (Rows{2}));
  EXPECT_EQ(kept("v == 'a'", {"v", {"a", nullptr, "b"}}, 1), (Rows{0}));
  EXPECT_EQ(kept("v == 'a'", {"v", Type::category(), {"a", nullptr, "b"}}, 1), (Rows{0}));
  EXPECT_EQ(kept("v == true", {"v", {true, nullptr, false}}, 1), (Rows{0}));
}

TEST(Filter, TextThatIsNoNumberIsUnknownBesideOne) {
  EXPECT_EQ(kept("v >= 400", {"v", {"404", "-", "200", ""}}, 2), (Rows{0}));
  EXPECT_EQ(kept("v >= 400", {"v", Type::category(), {"404", "-", "200", "-"}}, 2), (Rows{0}));
}

TEST(Filter, JsonTokensAreConvertedOnUse) {
  const TableColumn column("v", Type::json(),
                           {"\"a\\u0062\"", "1", "true", "null", "[1]", "\"1\""});
  EXPECT_EQ(kept("v == 'ab'", column, 4), (Rows{0}));
  EXPECT_EQ(kept("v == 1", column, 4), (Rows{1, 5}));
  EXPECT_EQ(kept("v == true", column, 5), (Rows{2}));
}

TEST(Filter, BoolsAndTimestampsHaveLiterals) {
  EXPECT_EQ(kept("v == true", {"v", {true, false}}), (Rows{0}));
  EXPECT_EQ(kept("v != true", {"v", {true, false}}), (Rows{1}));
  EXPECT_EQ(kept("v >= '1970-01-01T00:00:01Z'",
                 {"v", Type::timestamp(), {0, int64_t{1'000'000'000}, int64_t{2'000'000'000}}}),
            (Rows{1, 2}));
}

TEST(Filter, NotANumberFulfilsOnlyInequality) {
  const TableColumn column("v", {std::nan(""), 1.0});
  EXPECT_EQ(kept("v < 2", column), (Rows{1}));
  EXPECT_EQ(kept("v != 1", column), (Rows{0}));
}

TEST(Filter, BatchThatIsKeptInFullIsPassedOnAsItIs) {
  auto harness = Harness::of<Filter>({{"where", "v > 0"}});
  const Batch batch = harness.batch({{"v", {1, 2}}});
  harness.push(batch);
  EXPECT_EQ(harness.pull_batches().at(0).get(), batch.get());
}

TEST(Filter, NothingIsEmittedWhenNoRowIsKept) {
  auto harness = Harness::of<Filter>({{"where", "v > 5"}});
  harness.push({{"v", {1, 2}}});
  EXPECT_TRUE(harness.pull_batches().empty());
  EXPECT_EQ(harness.dropped("condition false"), 2);
}

TEST(Filter, AbsentFieldCountsAsNullAndIsSaidOnce) {
  auto harness = Harness::of<Filter>({{"where", "absent > 5"}});
  harness.push({{"v", {1, 2}}});
  harness.push({{"v", {1, 2}}});
  EXPECT_EQ(harness.dropped("condition null"), 4);
  EXPECT_EQ(harness.host().logs.size(), 1U);
}

TEST(Filter, DottedNamesReachInsideAndBackquotesTakeAnyName) {
  const TableColumn location(
      "location", {Cell::structure({{"lat", 1.0}}), nullptr, Cell::structure({{"lat", 3.0}})});
  EXPECT_EQ(kept("location.lat > 2", location, 1), (Rows{2}));
  EXPECT_EQ(kept("`a b` == 1", {"a b", {1, 2}}), (Rows{0}));
}

TEST(Filter, SlicedBatchesAreReadFromTheirOffset) {
  auto harness = Harness::of<Filter>({{"where", "v >= 2"}});
  const Batch batch = harness.batch({{"v", {5, nullptr, 1, 2, 3}}});
  harness.push(harness.host().host().slice(batch, 1, 3));
  EXPECT_EQ(harness.pull(), (Table{{"v", {2}}}));
  EXPECT_EQ(harness.dropped("condition null"), 1);
}

TEST(Filter, TypesThatHaveNothingInCommonAreRefused) {
  for (const auto& [where, column] : std::vector<std::pair<std::string, TableColumn>>{
           {"v == 'a'", {"v", {1}}},
           {"v == 1", {"v", {true}}},
           {"v == 5", {"v", Type::timestamp(), {1}}},
           {"v == 'soon'", {"v", Type::timestamp(), {1}}},
           {"v == 1", {"v", {Cell::list({1})}}}}) {
    auto harness = Harness::of<Filter>({{"where", where}});
    EXPECT_THROW(harness.push({column}), std::runtime_error) << where;
  }
}

TEST(Filter, MistakesInTheConditionNameTheirColumn) {
  for (const auto& [where, column] :
       std::vector<std::pair<std::string, std::string>>{{"", "column 1"},
                                                        {"status ==", "column 10"},
                                                        {"status = 4", "column 8"},
                                                        {"status >=", "column 10"},
                                                        {"status >= (4", "column 13"},
                                                        {"status >= 4 and", "column 16"},
                                                        {"status >= 4x", "column 12"},
                                                        {"status == 'a", "column 11"},
                                                        {"status < -", "column 11"},
                                                        {"upper(status, 1)", "column 1"},
                                                        {"`` == 1", "column 1"},
                                                        {"4 < status 5", "column 12"},
                                                        {"1 < true", "column 5"}}) {
    try {
      Harness::of<Filter>({{"where", where}});
      ADD_FAILURE() << where << " was accepted";
    } catch (const std::runtime_error& error) {
      EXPECT_NE(std::string(error.what()).find(column + ":"), std::string::npos)
          << where << " -> " << error.what();
    }
  }
}

}  // namespace
}  // namespace flow::operators::filter_test
