#include "operators/transforms/alert.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::alert_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;
using Names = std::vector<std::string>;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMinute = 60 * kSecond;

struct Reading {
  int64_t second;
  bool bad;
  double score = 0.5;
  const char* device = "a";
  const char* quantity = "x";
};

Settings with(const Settings& extra) {
  Settings settings = {{"key", Names{"device"}}, {"resolve_after", "1m"}};
  for (const auto& [name, value] : extra) {
    const auto same = [&name = name](const auto& known) { return known.first == name; };
    const auto known = std::find_if(settings.begin(), settings.end(), same);
    if (known != settings.end()) {
      known->second = value;
    } else {
      settings.emplace_back(name, value);
    }
  }
  return settings;
}

Table table_of(const std::vector<Reading>& readings) {
  std::vector<Cell> devices, quantities, bad, scores, reasons;
  for (const Reading& reading : readings) {
    devices.emplace_back(reading.device);
    quantities.emplace_back(reading.quantity);
    bad.emplace_back(reading.bad);
    scores.emplace_back(reading.score);
    reasons.emplace_back("because of " + std::to_string(reading.second));
  }
  return {{"device", Type::category(), devices},
          {"quantity", Type::text(), quantities},
          {"is_anomaly", Type::boolean(), bad},
          {"score", Type::float64(), scores},
          {"reason", Type::text(), reasons}};
}

// In order: the watermark of a row is the latest time up to it.
void push(Harness& harness, const std::vector<Reading>& readings) {
  std::vector<int64_t> times, watermarks;
  int64_t latest = INT64_MIN;
  for (const Reading& reading : readings) {
    times.push_back(reading.second * kSecond);
    latest = std::max(latest, times.back());
    watermarks.push_back(latest);
  }
  harness.push(harness.timed(harness.batch(table_of(readings)), times, watermarks));
}

void end(Harness& harness) {
  harness.fire_due(FLOW_EVENT_TIME, INT64_MAX);
  harness.advance(INT64_MAX);
  harness.close();
}

// "opened@1 resolved@61", of one device or all.
std::string steps(const Table& table) {
  std::string text;
  if (table.rows() == 0) return text;
  for (size_t row = 0; row < static_cast<size_t>(table.rows()); ++row) {
    if (!text.empty()) text.append(" ");
    text.append(table["state"][row].text()).append("@");
    text.append(std::to_string(table["time"][row].integer() / kSecond));
  }
  return text;
}

std::string run(const Settings& settings, const std::vector<Reading>& readings) {
  auto harness = Harness::of<Alert>(with(settings));
  push(harness, readings);
  end(harness);
  EXPECT_EQ(harness.host().absorbed, static_cast<int64_t>(readings.size()));
  EXPECT_TRUE(harness.failed().empty());
  return steps(harness.pull());
}

TEST(Alert, BurstOfAnomalousReadingsIsOneIncident) {
  std::vector<Reading> readings;
  readings.reserve(1000);
  for (int second = 0; second < 1000; ++second) readings.push_back({second, second >= 100});
  EXPECT_EQ(run({}, readings), "opened@100 resolved@1059");
}

TEST(Alert, RowsSayWhatHappened) {
  auto harness = Harness::of<Alert>(with({}));
  push(harness, {{1, false}, {2, true, 0.4}, {3, true, 0.6}, {4, true, 0.5}, {5, false}});
  end(harness);
  const Table table = harness.pull();
  ASSERT_EQ(table.rows(), 2);
  EXPECT_EQ(table["incident"][0], table["incident"][1]);
  EXPECT_EQ(table["incident"][0].text().size(), 16U);
  EXPECT_EQ(table["device"][1].text(), "a");
  EXPECT_EQ(table["started_at"][1].integer(), 2 * kSecond);
  EXPECT_EQ(table["ended_at"], (std::vector<Cell>{nullptr, 4 * kSecond}));
  EXPECT_EQ(table["count"], (std::vector<Cell>{1, 3}));
  EXPECT_EQ(table["worst_score"], (std::vector<Cell>{0.4, 0.6}));
  EXPECT_EQ(table["reason"], (std::vector<Cell>{"because of 2", "because of 3"}));
  EXPECT_EQ(table["severity"][1].text(), "warning");
  EXPECT_EQ(harness.metric("incidents_opened"), 1);
}

TEST(Alert, ResolvesWithoutAFurtherReading) {
  auto harness = Harness::of<Alert>(with({}));
  push(harness, {{10, true}});
  EXPECT_EQ(steps(harness.pull()), "opened@10");
  harness.fire_due(FLOW_EVENT_TIME, 69 * kSecond);
  EXPECT_EQ(harness.pull().rows(), 0);
  harness.fire_due(FLOW_EVENT_TIME, 70 * kSecond);
  EXPECT_EQ(steps(harness.pull()), "resolved@70");
}

TEST(Alert, OpensAfterSoManyReadingsInARow) {
  EXPECT_EQ(run({{"open_after", 3}},
                {{1, true}, {2, true}, {3, false}, {4, true}, {5, true}, {6, true}, {7, true}}),
            "opened@6 resolved@67");
  auto harness = Harness::of<Alert>(with({{"open_after", 3}}));
  push(harness, {{4, true, 0.9}, {5, true}, {6, true}});
  const Table table = harness.pull();
  EXPECT_EQ(table["started_at"][0].integer(), 4 * kSecond);
  EXPECT_EQ(table["count"][0].integer(), 3);
  EXPECT_EQ(table["worst_score"][0].number(), 0.9);
}

TEST(Alert, RunEndsByAPauseToo) {
  EXPECT_EQ(run({{"open_after", 2}}, {{1, true}, {100, true}, {101, true}}),
            "opened@101 resolved@161");
}

TEST(Alert, OpensOnceTheRunHasLastedLongEnough) {
  EXPECT_EQ(run({{"min_duration", "10s"}}, {{0, true}, {5, true}, {9, true}, {11, true}}),
            "opened@11 resolved@71");
  EXPECT_EQ(run({{"min_duration", "10s"}}, {{0, true}, {5, false}, {11, true}, {12, false}}), "");
}

TEST(Alert, HysteresisKeepsAnIncidentOpen) {
  const std::vector<Reading> readings = {
      {0, true, 0.8}, {50, false, 0.4}, {100, false, 0.4}, {150, false, 0.2}, {200, false, 0.1}};
  EXPECT_EQ(run({}, readings), "opened@0 resolved@60");
  EXPECT_EQ(run({{"resolve_below", 0.3}}, readings), "opened@0 resolved@160");
  EXPECT_EQ(run({{"resolve_below", 0.3}}, {{0, false, 0.4}, {1, false, 0.9}}), "");
}

TEST(Alert, CoolDownKeepsTheNextIncidentBack) {
  const std::vector<Reading> readings = {{0, true}, {100, true}, {150, true}, {200, true}};
  EXPECT_EQ(run({{"resolve_after", "30s"}}, readings),
            "opened@0 resolved@30 opened@100 resolved@130 opened@150 resolved@180 opened@200 "
            "resolved@230");
  EXPECT_EQ(run({{"resolve_after", "30s"}, {"cool_down", "2m"}}, readings),
            "opened@0 resolved@30 opened@150 resolved@180");
  auto harness = Harness::of<Alert>(with({{"resolve_after", "30s"}, {"cool_down", "2m"}}));
  push(harness, readings);
  EXPECT_EQ(harness.metric("suppressed_readings"), 2);
}

TEST(Alert, SeverityRisesWithTheScoreAndNeverFalls) {
  auto harness = Harness::of<Alert>(
      with({{"severity", Setting::table({{"critical", 0.9}, {"info", 0.1}, {"warning", 0.5}})}}));
  push(harness, {{1, true, 0.2}, {2, true, 0.6}, {3, true, 0.3}, {4, true, 0.95}, {5, true, 0.96}});
  end(harness);
  const Table table = harness.pull();
  EXPECT_EQ(steps(table), "opened@1 updated@2 updated@4 resolved@65");
  EXPECT_EQ(table["severity"], (std::vector<Cell>{"info", "warning", "critical", "critical"}));
}

TEST(Alert, OpenIncidentIsToldAgainEverySoOften) {
  EXPECT_EQ(run({{"update_every", "10s"}},
                {{0, true}, {9, true}, {10, true}, {15, true}, {21, true}, {22, false}}),
            "opened@0 updated@10 updated@21 resolved@81");
}

TEST(Alert, SeriesOfAKeyShareOneIncident) {
  const Settings settings = {{"series", Names{"quantity"}}, {"open_after", 2}};
  // Calm readings of the other quantity do not end the run.
  EXPECT_EQ(run(settings, {{1, true, 0.5, "a", "x"},
                           {1, false, 0, "a", "y"},
                           {2, true, 0.5, "a", "x"},
                           {2, true, 0.5, "a", "y"},
                           {3, true, 0.5, "a", "y"}}),
            "opened@2 resolved@63");
  // One reading of each is no run of two.
  EXPECT_EQ(run(settings, {{1, true, 0.5, "a", "x"},
                           {2, true, 0.5, "a", "y"},
                           {3, false, 0, "a", "x"},
                           {3, false, 0, "a", "y"}}),
            "");
}

TEST(Alert, KeysHaveIncidentsOfTheirOwn) {
  auto harness = Harness::of<Alert>(with({}));
  push(harness, {{1, true, 0.5, "a"}, {2, true, 0.5, "b"}, {3, false, 0, "a"}, {3, true, 0, "b"}});
  end(harness);
  const Table table = harness.pull();
  std::map<std::string, Names> of;
  std::map<std::string, std::string> ids;
  for (size_t row = 0; row < 4; ++row) {
    const std::string device = table["device"][row].text();
    of[device].push_back(table["state"][row].text());
    ids[table["incident"][row].text()] = device;
  }
  EXPECT_EQ(of["a"], (Names{"opened", "resolved"}));
  EXPECT_EQ(of["b"], (Names{"opened", "resolved"}));
  EXPECT_EQ(ids.size(), 2U);
}

TEST(Alert, KeysOfAnyTypeComeBackAsTheyWere) {
  auto harness = Harness::of<Alert>({{"key", Names{"t", "i", "f", "b", "when", "none"}}});
  const Table rows = {{"t", {"a text of more than twelve bytes", nullptr}},
                      {"i", {7, nullptr}},
                      {"f", {0.25, nullptr}},
                      {"b", {true, nullptr}},
                      {"when", Type::timestamp(), {kMinute, nullptr}},
                      {"none", Type::category(), {nullptr, nullptr}},
                      {"is_anomaly", {true, true}}};
  harness.push(harness.timed(harness.batch(rows), {kMinute, kMinute}, {kMinute, kMinute}));
  const Table table = harness.pull();
  for (const char* name : {"t", "i", "f", "b", "when", "none"}) {
    EXPECT_EQ(table[name], rows[name]) << name;
  }
  EXPECT_EQ(table["worst_score"], (std::vector<Cell>{nullptr, nullptr}));
  EXPECT_EQ(table["reason"], (std::vector<Cell>{nullptr, nullptr}));
}

// Rows that a detector makes beside those that it passes on.
TEST(Alert, KeyMayBeACategoryInSomeRowsAndATextInOthersOrMissing) {
  auto harness = Harness::of<Alert>(with({}));
  const auto push_one = [&](const Table& rows) {
    harness.push(harness.timed(harness.batch(rows), {0}, {0}));
  };
  push_one({{"device", Type::category(), {"a"}}, {"is_anomaly", {true}}});
  push_one({{"device", Type::text(), {"b"}}, {"is_anomaly", {true}}});
  push_one({{"is_anomaly", {true}}});
  end(harness);
  const Table table = harness.pull();
  EXPECT_EQ(table.rows(), 6);
  EXPECT_EQ(table["device"][0].text(), "a");
  EXPECT_EQ(table["device"][1].text(), "b");
  EXPECT_TRUE(table["device"][2].is_null());
}

TEST(Alert, NothingIsLeftOfAKeyThatIsCalm) {
  auto harness = Harness::of<Alert>(with({{"cool_down", "10s"}, {"open_after", 2}}));
  std::vector<Reading> readings;
  Names names;
  for (int i = 0; i < 200; ++i) names.push_back("device " + std::to_string(i));
  for (int i = 0; i < 200; ++i) {
    readings.push_back({i, true, 0.5, names[static_cast<size_t>(i)].c_str()});
    if (i % 2 == 0) readings.push_back({i, true, 0.5, names[static_cast<size_t>(i)].c_str()});
    if (i % 3 == 0) readings.push_back({i, false, 0.5, names[static_cast<size_t>(i)].c_str()});
  }
  push(harness, readings);
  end(harness);
  EXPECT_EQ(harness.pull().rows(), 200);
  for (uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
    const flow_host* host = harness.host().abi();
    flow_table* table = host->table(host, "incidents", 1);
    if (host->page_count(host, table, group, 0) == 0) continue;
    const flow_page* page = host->page(host, table, group, 0, 0);
    EXPECT_EQ(static_cast<const flow::detail::StateHeader*>(page->data)->used, 0U);
  }
}

// The same readings, cut anywhere, with timers that fire as soon as they may or only at the end:
// the same incidents.
TEST(Alert, IncidentsDoNotDependOnBatchesAndTimers) {
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    std::vector<Reading> readings;
    readings.reserve(400);
    static constexpr const char* kDevices[] = {"a", "b", "c", "d"};
    static constexpr const char* kQuantities[] = {"x", "y"};
    for (int i = 0; i < 400; ++i) {
      readings.push_back({i * 5 - static_cast<int>(random() % 40), random() % 100 < 15,
                          static_cast<double>(random() % 100) / 100, kDevices[random() % 4],
                          kQuantities[random() % 2]});
    }
    const Settings settings = with({{"series", Names{"quantity"}},
                                    {"open_after", 2},
                                    {"cool_down", "40s"},
                                    {"resolve_below", 0.6},
                                    {"update_every", "20s"}});
    std::vector<int64_t> times, watermarks;
    int64_t watermark = INT64_MIN;
    for (const Reading& reading : readings) {
      times.push_back(reading.second * kSecond);
      watermark = std::max(watermark, times.back() - 30 * kSecond);
      watermarks.push_back(watermark);
    }
    const auto outcome = [&](bool cut) {
      auto harness = std::make_unique<Harness>(Harness::of<Alert>(settings));
      std::map<std::string, std::vector<std::string>> told;
      const auto collect = [&] {
        const Table table = harness->pull();
        for (size_t row = 0; row < static_cast<size_t>(table.rows()); ++row) {
          std::string text;
          for (const auto& column : table.columns) {
            std::ostringstream cell;
            cell << column.cells[row] << ' ';
            text.append(cell.str());
          }
          told[table["device"][row].text()].push_back(text);
        }
      };
      size_t at = 0;
      int64_t late = 0;
      while (at < readings.size()) {
        const size_t n =
            cut ? std::min<size_t>(1 + random() % 30, readings.size() - at) : readings.size();
        const auto slice = [&](const std::vector<int64_t>& all) {
          return std::vector<int64_t>(all.begin() + static_cast<int64_t>(at),
                                      all.begin() + static_cast<int64_t>(at + n));
        };
        const std::vector<Reading> some(readings.begin() + static_cast<int64_t>(at),
                                        readings.begin() + static_cast<int64_t>(at + n));
        harness->push(
            harness->timed(harness->batch(table_of(some)), slice(times), slice(watermarks)));
        at += n;
        if (cut && random() % 2 == 0) {
          harness->fire_due(FLOW_EVENT_TIME, watermarks[at - 1]);
          harness->advance(watermarks[at - 1]);
        }
        collect();
      }
      end(*harness);
      collect();
      late = harness->host().late_rows;
      EXPECT_EQ(harness->host().absorbed + late, static_cast<int64_t>(readings.size()));
      return told;
    };
    const auto whole = outcome(false);
    EXPECT_FALSE(whole.empty());
    for (int i = 0; i < 5; ++i) ASSERT_EQ(outcome(true), whole) << "round " << round;
  }
}

TEST(Alert, AnomalousReadingThatComesTooLateIsLate) {
  auto harness = Harness::of<Alert>(with({}));
  const Table rows = table_of({{0, true}, {10, true}, {0, false}});
  harness.push(harness.timed(harness.batch(rows), {0, 10 * kSecond, 0},
                             {60 * kSecond, 60 * kSecond, 60 * kSecond}));
  EXPECT_EQ(harness.host().late_rows, 1);
  EXPECT_EQ(harness.host().absorbed, 2);
  EXPECT_EQ(steps(harness.pull()), "opened@10");
}

TEST(Alert, ProcessingTimeIsTheClock) {
  auto harness = Harness::of<Alert>(with({{"time", "processing"}}));
  const int64_t start = 1'000 * kMinute;
  harness.set_clock(start);
  harness.push(table_of({{0, true}}));
  harness.fire_due(FLOW_PROCESSING_TIME, start + kMinute);
  EXPECT_EQ(steps(harness.pull()), "opened@60000 resolved@60060");
}

TEST(Alert, MissingEventTimeIsAClearError) {
  auto harness = Harness::of<Alert>(with({}));
  try {
    harness.push(table_of({{0, true}}));
    FAIL();
  } catch (const std::runtime_error& failure) {
    EXPECT_NE(std::string(failure.what()).find("event_time"), std::string::npos);
  }
}

TEST(Alert, ScoresThatAreNoNumbersCountAsNone) {
  auto harness = Harness::of<Alert>(with({}));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  push(harness, {{1, true, nan}, {2, true, 0.5}, {3, true, nan}});
  end(harness);
  EXPECT_EQ(harness.pull()["worst_score"], (std::vector<Cell>{nullptr, 0.5}));
  auto text = Harness::of<Alert>(with({{"score", "device"}}));
  EXPECT_THROW(push(text, {{1, true}}), std::runtime_error);
}

TEST(Alert, LongReasonsAreCutBetweenCharacters) {
  auto harness = Harness::of<Alert>(with({}));
  std::string reason(1023, 'x');
  reason.append("\xC3\xA9 and so on");
  const Table rows = {{"device", {"a"}}, {"is_anomaly", {true}}, {"reason", {reason}}};
  harness.push(harness.timed(harness.batch(rows), {0}, {0}));
  EXPECT_EQ(harness.pull()["reason"][0].text(), std::string(1023, 'x'));
}

TEST(Alert, TimesAtTheEndsOfTimeDoNotOverflow) {
  auto harness = Harness::of<Alert>(
      with({{"cool_down", Setting(int64_t{1'000'000'000'000'000'000})}, {"min_duration", "1s"}}));
  const Table rows = table_of({{0, true}, {0, true}, {0, true}});
  harness.push(harness.timed(harness.batch(rows), {INT64_MIN + 1, 0, INT64_MAX - 5},
                             {INT64_MIN, INT64_MIN, 0}));
  end(harness);
  EXPECT_GE(harness.pull().rows(), 1);
}

TEST(Alert, KeysWithoutRoomFailOneByOne) {
  auto harness = Harness::of<Alert>(with({}));
  const std::string huge(70'000, 'k');
  push(harness, {{0, true, 0.5, huge.c_str()}, {0, true}});
  ASSERT_EQ(harness.failed().size(), 1U);
  EXPECT_EQ(harness.failed()[0].reason, "key_too_long");
  auto tight = Harness::of<Alert>(with({}));
  tight.host().state_limit = 1;
  push(tight, {{0, true}, {1, false}});
  ASSERT_EQ(tight.failed().size(), 1U);
  EXPECT_EQ(tight.failed()[0].reason, "state_limit");
  EXPECT_EQ(tight.host().absorbed, 1);
}

TEST(Alert, TooManySeriesOfOneKeyFail) {
  auto harness = Harness::of<Alert>(with({{"series", Names{"quantity"}}, {"open_after", 2}}));
  Names names;
  for (int i = 0; i < 3000; ++i) names.push_back("quantity " + std::to_string(i));
  std::vector<Reading> readings;
  for (const std::string& name : names) readings.push_back({0, true, 0.5, "a", name.c_str()});
  push(harness, readings);
  ASSERT_FALSE(harness.failed().empty());
  EXPECT_EQ(harness.failed()[0].reason, "too_many_series");
  EXPECT_EQ(harness.host().absorbed + static_cast<int64_t>(harness.failed().size()), 3000);
}

TEST(Alert, ManyIncidentsThatEndAtOnceWaitForRoom) {
  auto harness = Harness::of<Alert>(with({}));
  Names names;
  for (int i = 0; i < 10'000; ++i) names.push_back("device " + std::to_string(i));
  std::vector<Reading> readings;
  for (const std::string& name : names) readings.push_back({0, true, 0.5, name.c_str()});
  push(harness, readings);
  EXPECT_EQ(harness.pull().rows(), 10'000);
  harness.host().limit_room(1);
  std::vector<flow_key> keys;
  std::vector<const flow_key*> pointers;
  std::vector<flow::testing::Timer> timers = std::exchange(harness.host().timers, {});
  keys.reserve(timers.size());
  for (const auto& timer : timers) {
    keys.push_back({.size = sizeof(flow_key),
                    .length = static_cast<uint32_t>(timer.key.size()),
                    .hash = timer.hash,
                    .bytes = timer.key.data()});
  }
  pointers.reserve(keys.size());
  for (const flow_key& key : keys) pointers.push_back(&key);
  harness.fire(FLOW_EVENT_TIME, kMinute, pointers.data(), static_cast<uint32_t>(pointers.size()));
  EXPECT_EQ(harness.host().room_violations, 0);
  EXPECT_EQ(harness.pull().rows(), 10'000);
}

TEST(Alert, MistakesInOptionsAreNamed) {
  EXPECT_THROW(Harness::of<Alert>({{"key", Names{}}}), std::runtime_error);
  EXPECT_THROW(Harness::of<Alert>({{"key", Names{"state"}}}), std::runtime_error);
  EXPECT_THROW(Harness::of<Alert>({{"key", Names{"a", "a"}}}), std::runtime_error);
  EXPECT_THROW(Harness::of<Alert>(with({{"when", "is_anomaly =="}})), std::runtime_error);
  EXPECT_THROW(Harness::of<Alert>(with({{"severity", Setting::table({{"a", "b"}})}})),
               std::runtime_error);
}

}  // namespace
}  // namespace flow::operators::alert_test
