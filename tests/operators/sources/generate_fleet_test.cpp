#include "operators/sources/generate_fleet.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/sources/generate.hpp"

namespace flow::operators::generate_fleet_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;
using Fault = FleetStream::Fault;
using Reading = FleetStream::Reading;

constexpr int64_t kDevices = 50;
constexpr int64_t kSlots = kDevices * 4 * 1280;

FleetStream fleet(double fault_share = 0.02) {
  return {7, {.devices = kDevices, .every = 60'000'000'000, .fault_share = fault_share}};
}

std::vector<Reading> readings(double fault_share = 0.02) {
  const FleetStream stream = fleet(fault_share);
  std::vector<Reading> made;
  for (int64_t slot = 0; slot < kSlots; ++slot) made.push_back(stream.reading(slot));
  return made;
}

Table run(const Settings& settings) {
  auto harness = Harness::of<Generate>(settings);
  harness.run();
  return harness.pull();
}

TEST(GenerateFleet, EveryKindOfFaultIsThereAndLabelledWithItsIncident) {
  std::map<Fault, std::set<int64_t>> incidents;
  std::map<int64_t, std::set<int64_t>> devices;
  for (const Reading& reading : readings()) {
    if (reading.fault == Fault::kNone || reading.silent) continue;
    ASSERT_GT(reading.incident, 0);
    incidents[reading.fault].insert(reading.incident);
    devices[reading.incident].insert(reading.device);
  }
  ASSERT_EQ(incidents.size(), static_cast<size_t>(FleetStream::kFaults));
  for (const auto& [fault, ids] : incidents) {
    EXPECT_GE(ids.size(), 10U) << static_cast<int>(fault);
  }
  for (const auto& [id, of] : devices) EXPECT_EQ(of.size(), 1U) << id;
}

TEST(GenerateFleet, ShareOfFaultyReadingsIsAsAskedFor) {
  for (const double share : {0.0, 0.002, 0.02}) {
    int64_t faulty = 0;
    for (const Reading& reading : readings(share)) faulty += reading.fault != Fault::kNone ? 1 : 0;
    EXPECT_NEAR(static_cast<double>(faulty) / static_cast<double>(kSlots), share, share * 0.35);
  }
}

TEST(GenerateFleet, FirstRoundsAreHealthy) {
  const FleetStream stream = fleet(1.0);
  for (int64_t slot = 0; slot < kDevices * 4 * FleetStream::kSpan; ++slot) {
    ASSERT_EQ(stream.reading(slot).fault, Fault::kNone);
  }
}

TEST(GenerateFleet, SilenceLeavesARunOfRoundsOfTheWholeDeviceOut) {
  const std::vector<Reading> made = readings();
  std::map<int64_t, int64_t> missing;
  for (size_t i = 0; i < made.size(); ++i) {
    if (!made[i].silent) continue;
    const size_t other = i - i % 4;
    for (size_t place = 0; place < 4; ++place) ASSERT_TRUE(made[other + place].silent);
    ASSERT_EQ(made[i].fault, Fault::kSilence);
    const Reading& before = made[i - kDevices * 4];
    ASSERT_EQ(before.fault, Fault::kSilence);
    if (i % 4 == 0) ++missing[static_cast<int64_t>(i) / 4 % kDevices];
  }
  ASSERT_FALSE(missing.empty());
}

TEST(GenerateFleet, StuckValueRepeatsAndHealthyOnesDoNot) {
  std::map<int64_t, std::set<double>> stuck;
  std::set<double> healthy;
  int64_t rows = 0;
  for (const Reading& reading : readings()) {
    if (reading.fault == Fault::kStuck) stuck[reading.incident].insert(reading.value);
    if (reading.fault == Fault::kNone && reading.device == 3 && reading.quantity == 3) {
      healthy.insert(reading.value);
      ++rows;
    }
  }
  ASSERT_FALSE(stuck.empty());
  for (const auto& [incident, values] : stuck) EXPECT_EQ(values.size(), 1U) << incident;
  EXPECT_GT(healthy.size(), static_cast<size_t>(rows) * 9 / 10);
}

// Spikes, shifts and bursts are told from healthy readings by the range that those stay within.
TEST(GenerateFleet, FaultsLeaveTheRangeOfTheHealthyReadings) {
  std::map<std::pair<int64_t, int32_t>, std::pair<double, double>> ranges;
  const std::vector<Reading> made = readings();
  for (const Reading& reading : made) {
    if (reading.fault != Fault::kNone) continue;
    auto [known, is_new] = ranges.try_emplace({reading.device, reading.quantity},
                                              std::pair(reading.value, reading.value));
    known->second.first = std::min(known->second.first, reading.value);
    known->second.second = std::max(known->second.second, reading.value);
  }
  for (const Reading& reading : made) {
    if (reading.fault != Fault::kSpike) continue;
    const auto& [low, high] = ranges.at({reading.device, reading.quantity});
    EXPECT_TRUE(reading.value < low || reading.value > high) << reading.value;
  }
}

TEST(GenerateFleet, ValuesFollowTheDay) {
  const FleetStream stream(1, {.devices = 20, .every = 600'000'000'000, .fault_share = 0});
  // The same minute of two days is nearer than half a day apart.
  double same = 0;
  double opposite = 0;
  for (int64_t device = 0; device < 20; ++device) {
    for (int64_t round = 0; round < 144; ++round) {
      const auto value = [&](int64_t at) {
        return stream.reading((at * 20 + device) * 4 + 3).value;
      };
      same += std::abs(value(round) - value(round + 144));
      opposite += std::abs(value(round) - value(round + 72));
    }
  }
  EXPECT_LT(same * 3, opposite);
}

TEST(GenerateFleet, TimeNeverGoesBackAndLastsTwoHundredYears) {
  const FleetStream stream = fleet();
  int64_t before = 0;
  for (int64_t slot = 0; slot < 10'000; ++slot) {
    const int64_t time = stream.reading(slot).time;
    ASSERT_GE(time, before);
    before = time;
  }
  EXPECT_EQ(stream.reading(kDevices * 4).time - stream.reading(0).time, 60'000'000'000);
  EXPECT_GT(stream.reading(int64_t{1} << 60).time, before);
}

TEST(GenerateFleet, RowsDoNotDependOnTheSizeOfBatchesAndSilencesTakeNone) {
  const Settings base = {
      {"dataset", "fleet"}, {"devices", 3}, {"rows", 20'000}, {"fault_share", 0.05}};
  const Table whole = run(base);
  EXPECT_EQ(whole.rows(), 20'000);
  for (const int size : {1, 7, 1000}) {
    Settings settings = base;
    settings.emplace_back("batch_rows", size);
    EXPECT_EQ(run(settings), whole) << size;
  }
  Settings other = base;
  other.emplace_back("seed", 3);
  EXPECT_FALSE(run(other) == whole);
}

TEST(GenerateFleet, GoesOnFromEachPositionWithTheRowsThatFollow) {
  const Settings settings = {{"dataset", "fleet"},
                             {"devices", 2},
                             {"rows", 6000},
                             {"fault_share", 0.05},
                             {"batch_rows", 300}};
  const Table whole = run(settings);
  auto first = Harness::of<Generate>(settings);
  first.run();
  first.pull();
  for (size_t cut = 0; cut < first.host().emissions.size(); cut += 3) {
    auto second = Harness::of<Generate>(settings);
    second.assign("generated", &first.host().emissions[cut].position);
    while (second.poll() != FLOW_END) {
    }
    const Table rest = second.pull();
    const auto begin = static_cast<size_t>(whole.rows() - rest.rows());
    ASSERT_EQ(begin, std::min<size_t>((cut + 1) * 300, 6000));
    for (const char* column : {"time", "device", "value", "incident"}) {
      const std::vector<Cell>& all = whole[column];
      if (rest.rows() == 0) continue;
      EXPECT_TRUE(
          std::equal(all.begin() + static_cast<int64_t>(begin), all.end(), rest[column].begin()))
          << column << " from " << begin;
    }
  }
}

TEST(GenerateFleet, PositionOfAnotherDatasetIsRefused) {
  auto harness = Harness::of<Generate>({{"dataset", "fleet"}});
  const std::string position(8, '\0');
  EXPECT_THROW(harness.assign("generated", &position), std::runtime_error);
}

TEST(GenerateFleet, ManyDevicesHaveNamesOfText) {
  const Table few = run({{"dataset", "fleet"}, {"devices", 65'536}, {"rows", 10}});
  EXPECT_EQ(few.columns[1].type, Type::category());
  const Table many = run({{"dataset", "fleet"}, {"devices", 1'000'000}, {"rows", 10}});
  EXPECT_EQ(many.columns[1].type, Type::text());
  EXPECT_EQ(many["device"][0].text(), "d-00001");
  EXPECT_EQ(few["device"][4].text(), "d-00002");
}

}  // namespace
}  // namespace flow::operators::generate_fleet_test
