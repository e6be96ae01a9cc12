#include "operators/sinks/evaluate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flow::operators::evaluate_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::ScratchFolder;
using flow::testing::Settings;
using flow::testing::Table;
using Names = std::vector<std::string>;

constexpr int64_t kSecond = 1'000'000'000;

// A row a second of one device: anomalies in the seconds named, labels from second 100 to 119.
Table rows(const std::vector<int64_t>& anomalies, const char* device = "a", bool labels = true) {
  std::vector<Cell> devices, times, found, scores, faults, incidents;
  for (int64_t second = 0; second < 400; ++second) {
    const bool is_found = std::find(anomalies.begin(), anomalies.end(), second) != anomalies.end();
    const bool is_fault = labels && second >= 100 && second < 120;
    devices.emplace_back(device);
    times.emplace_back(second * kSecond);
    found.emplace_back(is_found);
    scores.emplace_back(is_found ? 0.9 : 0.1);
    faults.emplace_back(nullptr);
    incidents.emplace_back(nullptr);
    if (!is_fault) continue;
    faults.back() = Cell("spike");
    incidents.back() = Cell(7);
  }
  return {{"device", devices},   {"time", Type::timestamp(), times},
          {"is_anomaly", found}, {"score", scores},
          {"fault", faults},     {"incident", incidents}};
}
Harness evaluate(const Settings& more = {}) {
  Settings settings = {{"key", Names{"device"}}, {"time", "time"}, {"grace", "10s"}};
  settings.insert(settings.end(), more.begin(), more.end());
  return Harness::of<Evaluate>(settings);
}

// What a checkpoint keeps of the sink.
std::string prepared(Harness& harness) {
  flow_buffer* state = nullptr;
  int64_t length = 0;
  EXPECT_EQ(harness.op()->prepare(harness.op(), 1, &state, &length), FLOW_DONE);
  const Buffer owned = Buffer::adopt(state);
  return {static_cast<const char*>(owned->data), static_cast<size_t>(length)};
}

TEST(Evaluate, CountsIncidentsAlarmsAndDelays) {
  auto harness = evaluate();
  harness.push(rows({50, 105, 106, 300}));
  harness.close();
  EXPECT_EQ(harness.metric("evaluate_incidents"), 1);
  EXPECT_EQ(harness.metric("evaluate_incidents_found"), 1);
  EXPECT_EQ(harness.metric("evaluate_alarms"), 3);
  EXPECT_EQ(harness.metric("evaluate_false_alarms"), 2);
  EXPECT_DOUBLE_EQ(harness.metric("evaluate_recall"), 1);
  EXPECT_DOUBLE_EQ(harness.metric("evaluate_precision"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(harness.metric("evaluate_delay_median_seconds"), 5);
  EXPECT_TRUE(std::isnan(harness.metric("evaluate_nab_standard")));
  ASSERT_EQ(harness.host().logs.size(), 1U);
  EXPECT_NE(
      harness.host().logs[0].second.find(
          "found 1 of 1 incidents (recall 100 %), 2 of 3 alarms were false (precision 33.3 %)"),
      std::string::npos)
      << harness.host().logs[0].second;
  EXPECT_NE(harness.host().logs[0].second.find("by kind: spike 1/1"), std::string::npos);
}

TEST(Evaluate, WithoutIncidentIdsRunsOfLabelsAreIncidents) {
  auto harness = evaluate({{"incident", ""}});
  Table table = rows({105});
  for (auto& column : table.columns) {
    if (column.name != "fault") continue;
    for (size_t second = 200; second < 210; ++second) column.cells[second] = Cell("drift");
    for (size_t second = 300; second < 310; ++second) column.cells[second] = Cell("drift");
  }
  harness.push(table);
  harness.close();
  EXPECT_EQ(harness.metric("evaluate_incidents"), 3);
  EXPECT_EQ(harness.metric("evaluate_incidents_found"), 1);
}

TEST(Evaluate, RowsOfAlertsAreCounted) {
  auto harness = evaluate({{"alert_state", "state"}});
  harness.push(rows({105}));
  harness.push(
      {{"time", Type::timestamp(), {1, 2, 3}}, {"state", {"opened", "resolved", "opened"}}});
  harness.close();
  EXPECT_EQ(harness.metric("evaluate_alerts"), 2);
  EXPECT_EQ(harness.metric("evaluate_rows"), 400);
  EXPECT_TRUE(harness.failed().empty());
}

TEST(Evaluate, LabelsFromAFileGiveNabScores) {
  const ScratchFolder folder;
  const std::string path = folder.write("labels.csv",
                                        "series,start,end,kind\n"
                                        "a,1970-01-01 00:01:40,1970-01-01 00:01:59,spike\n");
  auto harness = evaluate({{"labels", path}, {"report", folder.path("report.json")}});
  harness.push(rows({100}, "data/a", false));
  harness.push(rows({}, "b", false));
  harness.close();
  EXPECT_DOUBLE_EQ(harness.metric("evaluate_nab_standard"), 100);
  EXPECT_DOUBLE_EQ(harness.metric("evaluate_nab_threshold"), 0.9);
  EXPECT_DOUBLE_EQ(harness.metric("evaluate_nab_standard_as_found"), 100);
  EXPECT_EQ(harness.metric("evaluate_incidents_found"), 1);
  EXPECT_EQ(harness.metric("evaluate_unlabelled_series"), 1);
  const std::string text = folder.read("report.json");
  EXPECT_NE(text.find("\"nab_standard\": 100"), std::string::npos) << text;
  EXPECT_NE(text.find("\"spike\": {\"incidents\": 1, \"found\": 1}"), std::string::npos);
}

TEST(Evaluate, RowsThatCannotBeJudgedFail) {
  auto harness = evaluate({{"max_rows", 1}});
  harness.push({{"device", {"a", "a", "a", "a"}},
                {"time", Type::timestamp(), {1, nullptr, 3, 4}},
                {"is_anomaly", {true, true, nullptr, true}}});
  ASSERT_EQ(harness.failed().size(), 3U);
  EXPECT_EQ(harness.failed()[0].reason, "no_time");
  EXPECT_EQ(harness.failed()[1].reason, "no_anomaly");
  EXPECT_EQ(harness.failed()[2].reason, "too_many_rows");
}

TEST(Evaluate, SaysWhatIsMissing) {
  EXPECT_THROW(evaluate({{"labels", "/nowhere/labels.csv"}}), std::runtime_error);
  auto harness = evaluate();
  EXPECT_THROW(harness.push({{"time", Type::timestamp(), {1}}}), std::runtime_error);
  auto without_time = Harness::of<Evaluate>({});
  EXPECT_THROW(without_time.push({{"is_anomaly", {true}}}), std::runtime_error);
}

// What was prepared in the middle, and the rest behind it, give the figures of the whole.
TEST(Evaluate, GoesOnCountingAfterARestart) {
  const ScratchFolder folder;
  const std::string path = folder.write("labels.csv",
                                        "series,start,end,kind\n"
                                        "a,1970-01-01 00:01:40,1970-01-01 00:01:59,spike\n");
  for (const bool by_file : {false, true}) {
    Settings settings{{"incident", ""}, {"alert_state", "state"}};
    if (by_file) settings.emplace_back("labels", path);
    const Table first = rows({50, 105}, "a", !by_file);
    const Table second = rows({20, 300, 301}, "b", !by_file);
    auto whole = evaluate(settings);
    whole.push(first);
    whole.push(second);
    whole.close();
    auto before = evaluate(settings);
    before.push(first);
    const std::string state = prepared(before);
    auto after = evaluate(settings);
    after.restore(state);
    after.push(second);
    after.close();
    for (const char* figure :
         {"rows", "incidents", "incidents_found", "detections", "alarms", "false_alarms", "recall",
          "precision", "delay_max_seconds", "days"}) {
      const std::string name = std::string("evaluate_") + figure;
      EXPECT_DOUBLE_EQ(after.metric(name), whole.metric(name)) << name;
    }
    EXPECT_EQ(whole.metric("evaluate_rows"), 800);
    if (by_file) {
      EXPECT_DOUBLE_EQ(after.metric("evaluate_nab_low_fp_as_found"),
                       whole.metric("evaluate_nab_low_fp_as_found"));
      EXPECT_DOUBLE_EQ(after.metric("evaluate_nab_standard"),
                       whole.metric("evaluate_nab_standard"));
    }
    auto damaged = evaluate(settings);
    EXPECT_THROW(damaged.restore(state.substr(0, state.size() / 2)), std::runtime_error);
  }
}

TEST(Evaluate, OfNothingThereIsNoFigure) {
  auto harness = evaluate();
  harness.close();
  EXPECT_TRUE(std::isnan(harness.metric("evaluate_precision")));
  EXPECT_EQ(harness.metric("evaluate_rows"), 0);
}

}  // namespace
}  // namespace flow::operators::evaluate_test
