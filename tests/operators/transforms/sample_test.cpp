#include "operators/transforms/sample.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::sample_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::make_column;
using flow::testing::Settings;
using flow::testing::Table;

// Rows with positions from `first` on, which the column `at` says too.
Batch positioned(Harness& harness, int64_t first, int64_t rows, const char* partition = "p") {
  const Host host = harness.host().host();
  std::vector<Cell> cells;
  for (int64_t row = 0; row < rows; ++row) cells.emplace_back(first + row);
  const Column position = make_column(host, Type::int64(), cells);
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.source = "test";
  origin.partition = partition;
  origin.position = position.get();
  Output maker(harness.host().abi());
  return maker.make(rows, {{"at", {position, Type::int64()}}}, &origin);
}

std::vector<Cell> kept(Harness& harness) {
  const Table table = harness.pull();
  return table.columns.empty() ? std::vector<Cell>() : table["at"];
}

TEST(Sample, KeepsAboutItsShareAndDropsTheOthers) {
  for (const double rate : {0.01, 0.3, 0.9}) {
    auto harness = Harness::of<Sample>({{"rate", rate}});
    harness.push(positioned(harness, 0, 100'000));
    const auto n = static_cast<double>(kept(harness).size());
    EXPECT_NEAR(n / 100'000, rate, 0.006);
    EXPECT_EQ(harness.dropped("not sampled") + static_cast<int64_t>(n), 100'000);
  }
}

TEST(Sample, BatchesDoNotChangeTheSample) {
  auto whole = Harness::of<Sample>({{"rate", 0.2}});
  whole.push(positioned(whole, 0, 10'000));
  auto pieces = Harness::of<Sample>({{"rate", 0.2}});
  for (int64_t first = 9'900; first >= 0; first -= 100) {
    pieces.push(positioned(pieces, first, 100));
  }
  std::vector<Cell> backwards = kept(pieces);
  std::sort(backwards.begin(), backwards.end(),
            [](const Cell& a, const Cell& b) { return a.integer() < b.integer(); });
  EXPECT_EQ(kept(whole), backwards);
}

TEST(Sample, PartitionsAndSeedsHaveSamplesOfTheirOwn) {
  const auto sampled = [](const char* partition, int seed) {
    auto harness = Harness::of<Sample>({{"rate", 0.5}, {"seed", seed}});
    harness.push(positioned(harness, 0, 1000, partition));
    return kept(harness);
  };
  EXPECT_EQ(sampled("a", 1), sampled("a", 1));
  EXPECT_NE(sampled("a", 1), sampled("b", 1));
  EXPECT_NE(sampled("a", 1), sampled("a", 2));
}

TEST(Sample, RateOfOneKeepsAllAndOfNoughtNone) {
  auto all = Harness::of<Sample>({{"rate", 1.0}});
  all.push(positioned(all, 0, 100));
  EXPECT_EQ(kept(all).size(), 100U);
  auto none = Harness::of<Sample>({{"rate", 0.0}});
  none.push(positioned(none, 0, 100));
  EXPECT_TRUE(kept(none).empty());
  EXPECT_EQ(none.dropped("not sampled"), 100);
}

TEST(Sample, RowsOfAKeyStayOrGoTogether) {
  auto harness = Harness::of<Sample>({{"rate", 0.5}, {"key", std::vector<std::string>{"user"}}});
  std::vector<Cell> texts, numbers;
  for (int i = 0; i < 4000; ++i) {
    texts.emplace_back("user " + std::to_string(i % 200));
    numbers.emplace_back(i);
  }
  harness.push({{"user", texts}, {"at", numbers}});
  const std::vector<Cell> first = kept(harness);
  EXPECT_GT(first.size(), 1200U);
  EXPECT_LT(first.size(), 2800U);
  EXPECT_EQ(first.size() % 20, 0U);
  harness.push({{"user", Type::category(), texts}, {"at", numbers}});
  EXPECT_EQ(kept(harness), first);
}

TEST(Sample, RowsWithoutAPositionAreSampledByTheirValues) {
  const auto sampled = [](const Table& table) {
    auto harness = Harness::of<Sample>({{"rate", 0.5}});
    harness.push(table);
    return kept(harness);
  };
  std::vector<Cell> at, names, lists, structs;
  for (int i = 0; i < 500; ++i) {
    at.emplace_back(i % 100);
    names.emplace_back(i % 3 == 0 ? Cell() : Cell("name " + std::to_string(i % 3)));
    lists.push_back(Cell::list({i % 7, 1}));
    structs.push_back(Cell::structure({{"a", i % 5}}));
  }
  const Table table = {{"at", at}, {"name", names}, {"list", lists}, {"struct", structs}};
  const std::vector<Cell> first = sampled(table);
  EXPECT_GT(first.size(), 150U);
  EXPECT_LT(first.size(), 350U);
  EXPECT_EQ(sampled(table), first);
  EXPECT_EQ(sampled({{"at", std::vector<Cell>(100, Cell(5))}}).size() % 100, 0U);
}

TEST(Sample, StructsAreNoKeyAndAbsentFieldsAreNull) {
  const Settings settings = {{"rate", 0.5}, {"key", std::vector<std::string>{"user"}}};
  auto harness = Harness::of<Sample>(settings);
  EXPECT_THROW(harness.push({{"user", {Cell::structure({{"a", 1}})}}}), std::runtime_error);
  harness.push({{"at", std::vector<Cell>(50, Cell(5))}});
  EXPECT_EQ(kept(harness).size() % 50, 0U);
  EXPECT_EQ(harness.host().logs.size(), 1U);
}

}  // namespace
}  // namespace flow::operators::sample_test
