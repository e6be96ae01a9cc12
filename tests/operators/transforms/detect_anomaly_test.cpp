#include "operators/transforms/detect_anomaly.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::detect_anomaly_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;
using Names = std::vector<std::string>;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMinute = 60 * kSecond;

Settings with(Settings settings, const Settings& more) {
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}
Harness detector(const Settings& settings) {
  return Harness::of<DetectAnomaly>(with({{"key", Names{"device"}}}, settings));
}
// Readings of one device, a minute apart.
Batch readings(Harness& harness, const std::vector<double>& values, int64_t first = 0,
               const char* device = "a") {
  std::vector<Cell> devices, cells;
  std::vector<int64_t> times;
  for (size_t i = 0; i < values.size(); ++i) {
    devices.emplace_back(device);
    cells.emplace_back(values[i]);
    times.push_back((first + static_cast<int64_t>(i)) * kMinute);
  }
  const std::vector<int64_t> marks(times.size(), INT64_MIN);
  return harness.timed(harness.batch({{"device", devices}, {"value", cells}}), times, marks);
}
std::vector<Cell> cells_of(const Table& table, const std::string& column) {
  for (const auto& candidate : table.columns) {
    if (candidate.name == column) return candidate.cells;
  }
  return {};
}
// Noise around 20 without an extreme after the first few.
std::vector<double> calm(size_t n) {
  std::vector<double> values;
  for (size_t i = 0; i < n; ++i) values.push_back(i % 2 == 0 ? 19 : 21);
  return values;
}

TEST(DetectAnomaly, AddsWhatWasFoundToEachReading) {
  auto harness = detector({{"method", "range"}});
  std::vector<double> values = calm(60);
  values.push_back(24);
  harness.push(readings(harness, values));
  const Table rows = harness.pull();
  ASSERT_EQ(rows.rows(), 61);
  EXPECT_EQ(cells_of(rows, "is_anomaly")[59], Cell(false));
  EXPECT_EQ(cells_of(rows, "reason")[59], Cell(nullptr));
  EXPECT_EQ(cells_of(rows, "is_anomaly")[60], Cell(true));
  EXPECT_EQ(cells_of(rows, "method")[60], Cell("range"));
  EXPECT_EQ(cells_of(rows, "expected_low")[60], Cell(19.0));
  EXPECT_EQ(cells_of(rows, "expected_high")[60], Cell(21.0));
  EXPECT_EQ(cells_of(rows, "expected_low")[10], Cell(nullptr)) << "it warms up";
  EXPECT_EQ(cells_of(rows, "reason")[60],
            Cell("24 is 150 % beyond the range 19 to 21 of the last 60 readings"));
  EXPECT_EQ(harness.metric("anomalies"), 1);
}

TEST(DetectAnomaly, EachKeyIsASeriesOfItsOwn) {
  auto harness = detector({{"method", "threshold"}, {"max", 10.0}});
  harness.push({{"device", {"a", "b", "a"}}, {"value", {1, 11, 12}}});
  const Table rows = harness.pull();
  EXPECT_EQ(cells_of(rows, "is_anomaly"), (std::vector<Cell>{false, true, true}));
  EXPECT_EQ(cells_of(rows, "reason")[1], Cell("11 is above the limit 10"));
  auto range = detector({{"method", "range"}, {"warm_up", 3}});
  for (int i = 0; i < 10; ++i)
    range.push({{"device", {"a", "b"}}, {"value", {1.0 + i % 2, 100.0}}});
  range.push({{"device", {"a", "b"}}, {"value", {2.0, 1.0}}});
  EXPECT_EQ(cells_of(range.pull(), "is_anomaly").back(), Cell(true));
}

TEST(DetectAnomaly, RowsThatAreNoReadingFail) {
  auto harness = detector({{"method", "range"}});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  harness.push(
      {{"device", {"a", nullptr, "a", "a", "a"}}, {"value", {1.0, 2.0, nullptr, nan, -infinity}}});
  EXPECT_EQ(harness.pull().rows(), 1);
  ASSERT_EQ(harness.failed().size(), 4U);
  EXPECT_EQ(harness.failed()[0].reason, "no_key");
  EXPECT_EQ(harness.failed()[1].reason, "no_value");
  EXPECT_EQ(harness.failed()[2].reason, "not_finite");
  EXPECT_EQ(harness.failed()[3].reason, "not_finite");
}

TEST(DetectAnomaly, ValuesTooLargeToBeSquaredFail) {
  for (const char* method : {"range_quad", "range", "ewma", "gaussian", "stuck"}) {
    auto harness = detector({{"method", method}, {"window", 8}, {"warm_up", 2}});
    std::vector<double> values;
    values.reserve(40);
    for (int i = 0; i < 40; ++i) values.push_back(i % 2 == 0 ? 1e150 : -1e150);
    values.push_back(1e308);
    values.push_back(0);
    harness.push(readings(harness, values));
    const Table rows = harness.pull();
    EXPECT_EQ(rows.rows(), 41) << method;
    for (const Cell& score : cells_of(rows, "score")) {
      EXPECT_GE(score.number(), 0) << method;
      EXPECT_LE(score.number(), 1) << method;
    }
    EXPECT_EQ(harness.failed().at(0).reason, "too_large");
  }
}

TEST(DetectAnomaly, TextsThatSayANumberAreNumbers) {
  auto harness = detector({{"method", "threshold"}, {"min", 0}});
  harness.push({{"device", {"a", "a", "a"}}, {"value", {"12.5", "-1", "much"}}});
  EXPECT_EQ(cells_of(harness.pull(), "is_anomaly"), (std::vector<Cell>{false, true}));
  ASSERT_EQ(harness.failed().size(), 1U);
  EXPECT_EQ(harness.failed()[0].reason, "not_a_number");
  EXPECT_NE(harness.failed()[0].message.find("'much'"), std::string::npos);
}

TEST(DetectAnomaly, TimeIsTheEventTimeOrAField) {
  auto harness = detector({});
  EXPECT_THROW(harness.push({{"device", {"a"}}, {"value", {1.0}}}), std::runtime_error);
  auto by_field = detector({{"time", "t"}});
  by_field.push({{"device", {"a", "a"}},
                 {"value", {1.0, 2.0}},
                 {"t", Type::timestamp(), {kMinute, nullptr}}});
  EXPECT_EQ(by_field.pull().rows(), 1);
  EXPECT_EQ(by_field.failed().at(0).reason, "no_time");
}

TEST(DetectAnomaly, TimesFromThePastAndTheFutureAreTimesOfDay) {
  auto harness = detector({});
  const Batch rows = harness.batch({{"device", {"a", "a", "a"}}, {"value", {1.0, 2.0, 3.0}}});
  harness.push(harness.timed(rows, {INT64_MIN, -1, INT64_MAX}, {0, 0, 0}));
  EXPECT_EQ(harness.pull().rows(), 3);
}

TEST(DetectAnomaly, RateOfChangeIsBySecondsAndIgnoresEarlierReadings) {
  auto harness = detector({{"method", "rate_of_change"}, {"max_change", 1.0}, {"per", "1m"}});
  harness.push(readings(harness, {10, 10.5, 12.5}));
  harness.push(readings(harness, {99}, 1));  // earlier than the last
  harness.push(readings(harness, {12.6}, 3));
  const Table rows = harness.pull();
  EXPECT_EQ(cells_of(rows, "is_anomaly"), (std::vector<Cell>{false, false, true, false, false}));
  EXPECT_EQ(cells_of(rows, "reason")[2],
            Cell("from 10.5 to 12.5 is a change of 2 in 1m, where 1 is the most expected"));
  EXPECT_EQ(cells_of(rows, "expected_high")[2], Cell(11.5));
}

TEST(DetectAnomaly, StuckCountsEqualReadings) {
  auto harness = detector({{"method", "stuck"}, {"stuck_after", 3}, {"tolerance", 0.1}});
  harness.push(readings(harness, {1, 2, 2, 2.05, 2, 3}));
  const Table rows = harness.pull();
  EXPECT_EQ(cells_of(rows, "is_anomaly"),
            (std::vector<Cell>{false, false, false, true, true, false}));
  EXPECT_EQ(cells_of(rows, "reason")[3], Cell("the last 3 readings all stay near 2"));
}

TEST(DetectAnomaly, EwmaAndGaussianSayHowFarAValueIsOff) {
  for (const char* method : {"ewma", "gaussian"}) {
    auto harness = detector({{"method", method}, {"window", 100}});
    std::vector<double> values = calm(100);
    values.push_back(60);
    harness.push(readings(harness, values));
    const Table rows = harness.pull();
    EXPECT_EQ(cells_of(rows, "is_anomaly").back(), Cell(true)) << method;
    EXPECT_EQ(cells_of(rows, "is_anomaly")[99], Cell(false)) << method;
    EXPECT_NE(cells_of(rows, "reason").back().text().find("times the usual deviation away from"),
              std::string::npos);
  }
}

TEST(DetectAnomaly, EnsembleCombinesStretchedScores) {
  const Settings both = {{"method", "ensemble"},
                         {"methods", Names{"threshold", "stuck"}},
                         {"max", 10.0},
                         {"stuck_after", 2}};
  const std::vector<double> values = {1, 1, 11, 11, 1};
  const auto found = [&](const char* combine) {
    auto harness = detector(with(both, {{"combine", combine}}));
    harness.push(readings(harness, values));
    return cells_of(harness.pull(), "is_anomaly");
  };
  EXPECT_EQ(found("max"), (std::vector<Cell>{false, true, true, true, false}));
  EXPECT_EQ(found("min"), (std::vector<Cell>{false, false, false, true, false}));
  EXPECT_EQ(found("median"), found("min")) << "more than half of two are both";
  auto harness = detector(both);
  harness.push(readings(harness, values));
  const Table rows = harness.pull();
  EXPECT_EQ(cells_of(rows, "method")[1], Cell("stuck"));
  EXPECT_EQ(cells_of(rows, "method")[2], Cell("threshold"));
}

TEST(DetectAnomaly, EnsembleHasThresholdsByMethod) {
  auto harness = detector({{"method", "ensemble"},
                           {"methods", Names{"range", "ewma"}},
                           {"score_thresholds", Setting::table({{"range", 0.9}, {"ewma", 0.9}})}});
  std::vector<double> values = calm(60);
  values.push_back(24);
  harness.push(readings(harness, values));
  EXPECT_EQ(cells_of(harness.pull(), "is_anomaly").back(), Cell(false));
}

TEST(DetectAnomaly, SilentSeriesAreToldOnceAtTheirTime) {
  auto harness = detector({{"method", "missing"}, {"expected_every", "5m"}});
  harness.push(readings(harness, {1, 2, 3}));
  harness.push(readings(harness, {1, 2, 3, 4, 5, 6}, 0, "b"));
  EXPECT_EQ(harness.pull().rows(), 9);
  harness.fire_due(FLOW_EVENT_TIME, 7 * kMinute);
  harness.advance(7 * kMinute);
  const std::vector<Batch> batches = harness.pull_batches();
  ASSERT_EQ(batches.size(), 1U);
  const Table rows = flow::testing::read_table(batches[0]);
  EXPECT_EQ(cells_of(rows, "device"), (std::vector<Cell>{"a"}));
  EXPECT_EQ(cells_of(rows, "score"), (std::vector<Cell>{1.0}));
  EXPECT_EQ(cells_of(rows, "method"), (std::vector<Cell>{"missing"}));
  EXPECT_EQ(cells_of(rows, "reason")[0],
            Cell("no reading since 1970-01-01T00:02:00Z, where one is expected every 5m"));
  EXPECT_EQ(batches[0].event_times()[0], 7 * kMinute);
  EXPECT_EQ(harness.host().created, 1);
  harness.fire_due(FLOW_EVENT_TIME, 9 * kMinute);
  harness.advance(9 * kMinute);
  EXPECT_EQ(harness.pull().rows(), 0) << "b is due at 10, a was told";
  harness.push(readings(harness, {1}, 20));
  harness.fire_due(FLOW_EVENT_TIME, 40 * kMinute);
  harness.advance(40 * kMinute);
  EXPECT_EQ(cells_of(harness.pull(), "device"), (std::vector<Cell>{"a", "b", "a"}));
}

// Whether the timer fires between two readings or they come in one batch: the same rows in the same
// order, also when there is room for one batch at a time.
TEST(DetectAnomaly, SilencesDoNotDependOnBatches) {
  const std::vector<int64_t> minutes = {0, 1, 20, 21, 50};
  const auto run = [&](size_t rows_a_batch, int64_t room) {
    auto harness = detector({{"method", "missing"}, {"expected_every", "5m"}});
    harness.host().limit_room(room);
    for (size_t first = 0; first < minutes.size(); first += rows_a_batch) {
      const size_t behind = std::min(minutes.size(), first + rows_a_batch);
      std::vector<int64_t> times;
      for (size_t i = first; i < behind; ++i) times.push_back(minutes[i] * kMinute);
      const std::vector<Cell> devices(times.size(), Cell("a"));
      const std::vector<Cell> values(times.begin(), times.end());
      harness.push(
          harness.timed(harness.batch({{"device", devices}, {"value", values}}), times, times));
      harness.fire_due(FLOW_EVENT_TIME, times.back());
      harness.advance(times.back());
    }
    EXPECT_EQ(harness.host().created, 2);
    EXPECT_EQ(harness.host().room_violations, 0);
    return cells_of(harness.pull(), "reason");
  };
  const std::vector<Cell> alone = run(1, -1);
  EXPECT_EQ(alone.size(), 7U);
  EXPECT_EQ(run(5, -1), alone);
  EXPECT_EQ(run(5, 1), alone);
  EXPECT_EQ(run(2, 1), alone);
}

TEST(DetectAnomaly, TheEndOfTheInputIsNoSilence) {
  auto harness = detector({{"method", "missing"}, {"expected_every", "5m"}});
  harness.push(readings(harness, {1, 2, 3}));
  harness.pull();
  harness.fire_due(FLOW_EVENT_TIME, INT64_MAX);
  harness.advance(INT64_MAX);
  harness.close();
  EXPECT_EQ(harness.pull().rows(), 0);
}

TEST(DetectAnomaly, MissingRowsHaveTheKeysTypes) {
  auto harness = Harness::of<DetectAnomaly>({{"key", Names{"n", "kind", "on", "x"}},
                                             {"method", "missing"},
                                             {"time", "t"},
                                             {"expected_every", "1m"}});
  harness.push({{"n", {7}},
                {"kind", Type::category(), {"a long name of a kind"}},
                {"on", {true}},
                {"x", {-0.5}},
                {"t", Type::timestamp(), {kSecond}},
                {"value", {1}}});
  harness.pull();
  harness.fire_due(FLOW_EVENT_TIME, kMinute * 2);
  harness.advance(kMinute * 2);
  const Table rows = harness.pull();
  EXPECT_EQ(cells_of(rows, "n"), (std::vector<Cell>{7}));
  EXPECT_EQ(cells_of(rows, "kind"), (std::vector<Cell>{"a long name of a kind"}));
  EXPECT_EQ(cells_of(rows, "on"), (std::vector<Cell>{true}));
  EXPECT_EQ(cells_of(rows, "x"), (std::vector<Cell>{-0.5}));
  EXPECT_EQ(cells_of(rows, "t"), (std::vector<Cell>{kSecond + kMinute}));
}

TEST(DetectAnomaly, SeriesBeyondTheBoundAreForgottenOldestFirst) {
  auto harness = detector({{"method", "range"}, {"max_keys", 128 * 8}});
  std::vector<Cell> devices, values;
  for (int i = 0; i < 20'000; ++i) {
    devices.emplace_back("device " + std::to_string(i));
    values.emplace_back(1.0);
  }
  harness.push({{"device", devices}, {"value", values}});
  EXPECT_EQ(harness.pull().rows(), 20'000);
  EXPECT_GE(harness.metric("evicted_keys"), 20'000 - 128 * 8);
  EXPECT_LT(harness.metric("evicted_keys"), 20'000);
  ASSERT_EQ(harness.host().logs.size(), 1U);
  EXPECT_NE(harness.host().logs[0].second.find("max_keys"), std::string::npos);
}

TEST(DetectAnomaly, SeriesBeyondTheBoundCanFail) {
  auto harness = detector({{"method", "range"}, {"max_keys", 128}, {"when_full", "fail"}});
  std::vector<Cell> devices, values;
  for (int i = 0; i < 2'000; ++i) {
    devices.emplace_back("device " + std::to_string(i));
    values.emplace_back(1.0);
  }
  harness.push({{"device", devices}, {"value", values}});
  EXPECT_EQ(harness.pull().rows() + static_cast<int64_t>(harness.failed().size()), 2'000);
  EXPECT_EQ(harness.failed().size(), 2'000U - 128U);
  EXPECT_EQ(harness.failed()[0].reason, "too_many_keys");
  harness.push({{"device", {"device 0"}}, {"value", {2.0}}});
  EXPECT_EQ(harness.pull().rows(), 1) << "a known series goes on";
}

// Whether there are few in a key group or many: a group takes whole pages.
TEST(DetectAnomaly, StateOfASeriesIsBelowThreeKibibytes) {
  for (const int64_t series : {5'000, 10'000, 30'000}) {
    auto harness = detector({});
    std::vector<Cell> devices;
    for (int64_t i = 0; i < series; ++i) devices.emplace_back("dev-" + std::to_string(i));
    const std::vector<Cell> values(devices.size(), 1.0);
    const std::vector<int64_t> times(devices.size(), 0);
    harness.push(
        harness.timed(harness.batch({{"device", devices}, {"value", values}}), times, times));
    EXPECT_LT(harness.host().state().bytes() / series, 3072) << series;
  }
}

TEST(DetectAnomaly, WithoutRoomForStateRowsFail) {
  auto harness = detector({{"method", "range"}});
  harness.host().state_limit = 0;
  harness.push({{"device", {"a"}}, {"value", {1.0}}});
  EXPECT_EQ(harness.failed().at(0).reason, "state_limit");
}

TEST(DetectAnomaly, KeysOfMoreThanAPageFail) {
  auto harness = detector({{"method", "range"}});
  harness.push({{"device", {std::string(70'000, 'k'), "a"}}, {"value", {1.0, 2.0}}});
  EXPECT_EQ(harness.failed().at(0).reason, "key_too_long");
  EXPECT_EQ(harness.pull().rows(), 1);
}

std::string refusal(const Settings& settings) {
  try {
    detector(settings);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(DetectAnomaly, MistakesInOptionsNameTheRemedy) {
  EXPECT_NE(refusal({{"method", "ensemble"}}).find("two or more"), std::string::npos);
  EXPECT_NE(refusal({{"method", "ensemble"}, {"methods", Names{"range_qaud", "ewma"}}})
                .find("did you mean 'range_quad'?"),
            std::string::npos);
  EXPECT_NE(refusal({{"method", "ensemble"}, {"methods", Names{"ewma", "ewma"}}}).find("twice"),
            std::string::npos);
  EXPECT_NE(refusal({{"method", "threshold"}}).find("`min`, `max`"), std::string::npos);
  EXPECT_NE(refusal({{"method", "threshold"}, {"min", 2}, {"max", 1}}).find("above `max`"),
            std::string::npos);
  EXPECT_NE(refusal({{"method", "gaussian"}, {"window", 10}, {"warm_up", 11}}).find("`window`"),
            std::string::npos);
  EXPECT_NE(refusal({{"method", "missing"}}).find("expected_every"), std::string::npos);
  EXPECT_NE(refusal({{"method", "rate_of_change"}}).find("max_change"), std::string::npos);
  EXPECT_NE(refusal({{"score_thresholds", Setting::table({{"ewam", 0.5}})}}).find("'ewma'"),
            std::string::npos);
}

TEST(DetectAnomaly, MissingColumnsAreNamed) {
  auto harness = detector({{"method", "range"}});
  EXPECT_THROW(harness.push({{"device", {"a"}}, {"valeu", {1.0}}}), std::runtime_error);
  EXPECT_THROW(harness.push({{"devise", {"a"}}, {"value", {1.0}}}), std::runtime_error);
  EXPECT_THROW(harness.push({{"device", {"a"}}, {"value", {true}}}), std::runtime_error);
}

}  // namespace
}  // namespace flow::operators::detect_anomaly_test
