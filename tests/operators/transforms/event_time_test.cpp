#include "operators/transforms/event_time.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::event_time_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;
using flow::testing::ToldWatermark;
using Times = std::vector<int64_t>;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kDay = 1'700'000'000;  // the harness's clock, in seconds

Harness made(Settings settings = {}, int64_t lateness = 0) {
  settings.emplace_back("field", "t");
  settings.emplace_back("lateness", std::to_string(lateness) + "s");
  return Harness::of<EventTime>(settings);
}
Harness epochs(Settings settings = {}, int64_t lateness = 0) {
  settings.emplace_back("format", "epoch_s");
  return made(settings, lateness);
}
// Seconds since kDay.
Times of(const int64_t* values, int64_t rows) {
  Times times;
  for (int64_t row = 0; row < rows; ++row) times.push_back(values[row] / kSecond - kDay);
  return times;
}
Table rows(const std::vector<int64_t>& seconds) {
  std::vector<Cell> cells;
  cells.reserve(seconds.size());
  for (const int64_t second : seconds) cells.emplace_back(kDay + second);
  return {{"t", cells}};
}
std::vector<std::string> reasons(const Harness& harness) {
  std::vector<std::string> reasons;
  for (const auto& failure : harness.failed()) reasons.push_back(failure.reason);
  return reasons;
}
Batch placed(Harness& harness, const Table& table, const char* source, const char* partition) {
  const Batch batch = harness.batch(table);
  flow_origin origin = batch.origin();
  origin.source = source;
  origin.partition = partition;
  Output out(harness.host().abi());
  return out.remake(batch, {batch.get()->columns, batch.column_count()}, origin);
}

TEST(EventTime, RowsCarryTheirTimeAndTheWatermarkAsOfThemselves) {
  auto harness = epochs({}, 2);
  harness.push(rows({10, 14, 12, 13, 20}));
  const std::vector<Batch> out = harness.pull_batches();
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(of(out[0].event_times(), 5), (Times{10, 14, 12, 13, 20}));
  EXPECT_EQ(of(out[0].watermarks(), 5), (Times{8, 12, 12, 12, 18}));
  EXPECT_EQ(harness.host().watermarks,
            (std::vector<ToldWatermark>{{"", "", (kDay + 18) * kSecond}}));
  EXPECT_EQ(harness.host().idle, 30 * kSecond);
}

TEST(EventTime, StampsDoNotDependOnCuts) {
  const std::vector<int64_t> seconds{5, 9, 3, 30, 22, 31, 4, 4, 50};
  auto whole = epochs({}, 3);
  whole.push(rows(seconds));
  const std::vector<Batch> expected = whole.pull_batches();
  auto cut = epochs({}, 3);
  Times stamps;
  for (const int64_t second : seconds) {
    cut.push(rows({second}));
    for (const Batch& batch : cut.pull_batches()) stamps.push_back(of(batch.watermarks(), 1)[0]);
  }
  EXPECT_EQ(stamps, of(expected[0].watermarks(), 9));
  EXPECT_EQ(cut.metric("behind_watermark_rows"), whole.metric("behind_watermark_rows"));
  EXPECT_EQ(whole.metric("behind_watermark_rows"), 4);
}

TEST(EventTime, PartitionsAreApartUnlessTheyAreTakenTogether) {
  auto separate = epochs();
  separate.push(placed(separate, rows({100}), "a", "p"));
  separate.push(placed(separate, rows({10}), "a", "q"));
  EXPECT_EQ(separate.host().watermarks,
            (std::vector<ToldWatermark>{{"a", "p", (kDay + 100) * kSecond},
                                        {"a", "q", (kDay + 10) * kSecond}}));
  auto together = epochs({{"partitions", "together"}});
  together.push(placed(together, rows({100}), "a", "p"));
  together.push(placed(together, rows({10}), "a", "q"));
  EXPECT_EQ(together.host().watermarks,
            (std::vector<ToldWatermark>{{"a", "", (kDay + 100) * kSecond},
                                        {"a", "", (kDay + 100) * kSecond}}));
}

TEST(EventTime, TimestampColumnIsTakenAsItIs) {
  auto harness = made();
  const Table table{{"t", Type::timestamp(), {kDay * kSecond + 7, kDay * kSecond + 5}}};
  harness.push(table);
  const std::vector<Batch> out = harness.pull_batches();
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].origin().event_time, out[0].find("t"));
  EXPECT_EQ(out[0].watermarks()[1], kDay * kSecond + 7);
}

TEST(EventTime, TextsAndNumbersAreReadByTheFormat) {
  auto text = made();
  text.push({{"t", {"2023-11-14T22:13:20Z", "2023-11-14T23:13:21+01:00"}}});
  EXPECT_EQ(of(text.pull_batches()[0].event_times(), 2), (Times{0, 1}));
  auto pattern = made({{"format", "%d/%b/%Y:%H:%M:%S %z"}});
  pattern.push({{"t", {"14/Nov/2023:22:13:25 +0000"}}});
  EXPECT_EQ(of(pattern.pull_batches()[0].event_times(), 1), (Times{5}));
  auto milli = made({{"format", "epoch_ms"}});
  milli.push({{"t", {(kDay + 2) * 1000}}});
  EXPECT_EQ(of(milli.pull_batches()[0].event_times(), 1), (Times{2}));
  auto fraction = epochs();
  fraction.push({{"t", {static_cast<double>(kDay) + 0.25}}});
  EXPECT_EQ(fraction.pull_batches()[0].event_times()[0], kDay * kSecond + kSecond / 4);
}

TEST(EventTime, RowsWithoutAUsableTimeFailAndMoveNothing) {
  auto harness = epochs();
  const Table table{
      {"t", Type::int64(), {nullptr, 0, kDay + 5, 4'102'444'800, INT64_MAX, INT64_MIN}}};
  harness.push(table);
  EXPECT_EQ(reasons(harness),
            (std::vector<std::string>{"no_time", "past", "future", "bad_time", "bad_time"}));
  const std::vector<Batch> out = harness.pull_batches();
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(of(out[0].event_times(), 1), (Times{5}));
  EXPECT_EQ(harness.host().watermarks.back().watermark, (kDay + 5) * kSecond);

  auto numbers = epochs();
  numbers.push({{"t", {std::nan(""), std::numeric_limits<double>::infinity(), -1e300}}});
  EXPECT_EQ(reasons(numbers), (std::vector<std::string>{"bad_time", "bad_time", "bad_time"}));
  EXPECT_TRUE(numbers.pull_batches().empty());
  EXPECT_TRUE(numbers.host().watermarks.empty());

  auto texts = made();
  texts.push({{"t", {"", "\xff\xfe", "yesterday", "2100-01-01T00:00:00Z"}}});
  EXPECT_EQ(reasons(texts),
            (std::vector<std::string>{"bad_time", "bad_time", "bad_time", "future"}));
}

TEST(EventTime, ClockThatJumpsBackMovesNothingAndForwardOnlyWithinBounds) {
  auto harness = epochs({{"max_future", "60s"}});
  harness.push(rows({0, -86'400, 60, 61}));
  EXPECT_EQ(reasons(harness), (std::vector<std::string>{"future"}));
  EXPECT_EQ(of(harness.pull_batches()[0].watermarks(), 3), (Times{0, 0, 60}));
  auto open = epochs({{"max_future", "0s"}, {"earliest", ""}});
  open.push({{"t", {0, 4'102'444'800}}});
  EXPECT_TRUE(open.failed().empty());
}

TEST(EventTime, RestartGoesOnWithTheSameWatermarks) {
  auto harness = epochs({}, 1);
  harness.push(placed(harness, rows({100}), "a", "p"));
  harness.push(rows({50}));
  auto restarted = epochs({}, 1);
  restarted.restore(harness.snapshot());
  EXPECT_EQ(restarted.host().watermarks,
            (std::vector<ToldWatermark>{{"", "", (kDay + 49) * kSecond},
                                        {"a", "p", (kDay + 99) * kSecond}}));
  restarted.push(placed(restarted, rows({20}), "a", "p"));
  EXPECT_EQ(of(restarted.pull_batches()[0].watermarks(), 1), (Times{99}));
  EXPECT_THROW(restarted.restore("damaged"), std::runtime_error);
}

TEST(EventTime, ColumnThatIsNoTimeIsRefusedWithARemedy) {
  auto number = made();
  EXPECT_THROW(
      try {
        number.push({{"t", {1}}});
      } catch (const std::runtime_error& refusal) {
        EXPECT_NE(std::string(refusal.what()).find("epoch_s"), std::string::npos);
        throw;
      },
      std::runtime_error);
  auto missing = made();
  EXPECT_THROW(missing.push({{"time", {1}}}), std::runtime_error);
  EXPECT_THROW(made({{"earliest", "long ago"}}), std::runtime_error);
}

}  // namespace
}  // namespace flow::operators::event_time_test
