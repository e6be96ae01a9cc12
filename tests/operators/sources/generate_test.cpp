#include "operators/sources/generate.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <regex>
#include <set>
#include <string>

#include "flow/testing/harness.hpp"

namespace flow::operators::generate_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;

Table run(const Settings& settings) {
  auto harness = Harness::of<Generate>(settings);
  harness.run();
  return harness.pull();
}

TEST(Generate, RowsDoNotDependOnTheSizeOfBatches) {
  for (const char* dataset : {"sensors", "access_log", "clicks"}) {
    const Table whole = run({{"dataset", dataset}, {"seed", 7}, {"rows", 1000}});
    EXPECT_EQ(whole.rows(), 1000);
    EXPECT_EQ(run({{"dataset", dataset}, {"seed", 7}, {"rows", 1000}, {"batch_rows", 7}}), whole);
    EXPECT_FALSE(run({{"dataset", dataset}, {"seed", 8}, {"rows", 1000}}) == whole);
  }
}

TEST(Generate, GoesOnFromAPositionWithTheRowsThatFollow) {
  const Table whole = run({{"dataset", "sensors"}, {"rows", 100}});
  auto first = Harness::of<Generate>({{"dataset", "sensors"}, {"rows", 100}, {"batch_rows", 30}});
  first.assign("generated");
  first.poll();
  Table both = first.pull();
  auto second = Harness::of<Generate>({{"dataset", "sensors"}, {"rows", 100}});
  second.assign("generated", &first.host().emissions.at(0).position);
  while (second.poll() != FLOW_END) {
  }
  both.append(second.pull());
  EXPECT_EQ(both, whole);
}

TEST(Generate, SensorsHaveTheirTypesAndRanges) {
  const Table table = run({{"dataset", "sensors"}, {"rows", 20000}});
  std::set<std::string> names;
  int64_t warm = 0;
  for (const Cell& cell : table["sensor"]) names.insert(cell.text());
  for (const Cell& cell : table["temperature"]) {
    ASSERT_GE(cell.number(), 0.0);
    ASSERT_LT(cell.number(), 50.0);
    warm += cell.number() >= 25.0 ? 1 : 0;
  }
  EXPECT_EQ(names.size(), 1000U);
  EXPECT_EQ(*names.begin(), "s-0001");
  EXPECT_EQ(*names.rbegin(), "s-1000");
  EXPECT_NEAR(static_cast<double>(warm), 10000.0, 500.0);
  EXPECT_EQ(table["timestamp"][1].integer() - table["timestamp"][0].integer(), 1'000'000);
  EXPECT_EQ(table.columns[1].type, Type::timestamp());
}

TEST(Generate, AccessLogLinesAreOfTheCombinedFormat) {
  const std::regex combined(
      R"(198\.1[89]\.\d{1,3}\.\d{1,3} - - \[\d\d/[A-Z][a-z]{2}/20\d\d:\d\d:\d\d:\d\d \+0000\] "GET [^ "]+ HTTP/1\.1" \d{3} \d+ "[^"]+" "[^"]+")");
  const Table table = run({{"rows", 3000}});
  for (const Cell& cell : table["message"]) {
    ASSERT_TRUE(std::regex_match(cell.text(), combined)) << cell.text();
  }
  EXPECT_NE(table["message"][0].text().find("[01/Jan/2025:00:00:00 +0000]"), std::string::npos);
  EXPECT_NE(table["message"][10].text().find("[01/Jan/2025:00:00:01 +0000]"), std::string::npos);
}

TEST(Generate, RateFollowsTheClock) {
  auto harness = Harness::of<Generate>({{"dataset", "sensors"}, {"rate", 100.0}});
  const int64_t start = 1'000'000'000;
  harness.set_clock(start);
  harness.assign("generated");
  const auto rows_now = [&] {
    while (harness.poll() == FLOW_DONE) {
    }
    return harness.pull().rows();
  };
  EXPECT_EQ(rows_now(), 1);
  EXPECT_EQ(rows_now(), 0);
  harness.set_clock(start + 52'000'000);
  EXPECT_EQ(rows_now(), 5);
  harness.set_clock(start + 60'000'000'000);
  EXPECT_EQ(rows_now(), 5995);
}

TEST(Generate, RowsOfAFastRateComeInGroupsOfFourMilliseconds) {
  auto harness = Harness::of<Generate>({{"dataset", "sensors"}, {"rate", 20'000.0}});
  constexpr int64_t kStart = 1'000'000'000;
  harness.assign("generated");
  std::vector<int64_t> rows;
  for (int64_t tenths = 0; tenths <= 121; ++tenths) {  // of a millisecond
    harness.set_clock(kStart + tenths * 100'000);
    while (harness.poll() == FLOW_DONE) {
    }
    if (const int64_t now = harness.pull().rows(); now > 0) rows.push_back(now);
  }
  EXPECT_EQ(rows, (std::vector<int64_t>{1, 80, 80, 80}));
}

TEST(Generate, EndsThePartitionAfterItsRows) {
  auto harness = Harness::of<Generate>({{"rows", 3}});
  harness.run();
  ASSERT_EQ(harness.host().emissions.size(), 2U);
  EXPECT_FALSE(harness.host().emissions[0].end);
  EXPECT_TRUE(harness.host().emissions[1].end);
  int64_t position = 0;
  ASSERT_EQ(harness.host().emissions[1].position.size(), sizeof position);
  std::memcpy(&position, harness.host().emissions[1].position.data(), sizeof position);
  EXPECT_EQ(position, 3);
}

TEST(Generate, NothingIsMadeBeforeThePartitionIsAssigned) {
  auto harness = Harness::of<Generate>();
  EXPECT_EQ(harness.poll(), FLOW_IDLE);
  EXPECT_EQ(harness.host().offered, std::vector<std::string>{"generated"});
}

TEST(Generate, PositionOfAnotherSizeIsRefused) {
  auto harness = Harness::of<Generate>();
  const std::string position = "abc";
  EXPECT_THROW(harness.assign("generated", &position), std::runtime_error);
}

}  // namespace
}  // namespace flow::operators::generate_test
