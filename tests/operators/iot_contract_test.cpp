// Every operator of plugins/iot, as the library exports it.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"

namespace flow::operators::iot_contract_test {
namespace {

using flow::testing::Cell;
using flow::testing::ContractSubject;
using flow::testing::Settings;
using flow::testing::Table;
using Names = std::vector<std::string>;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/iot.so";
constexpr int64_t kMinute = 60'000'000'000;

// Of five devices, with one row for each way in which a reading can be bad.
Table readings() {
  std::vector<Cell> devices, quantities, values, times;
  for (int64_t i = 0; i < 600; ++i) {
    devices.emplace_back("device " + std::to_string(i * 7 % 5));
    quantities.emplace_back(i % 3 == 0 ? "temperature" : "power");
    values.emplace_back(static_cast<double>(i * 37 % 100) + (i % 97 == 0 ? 500 : 0));
    times.emplace_back(1'700'000'000'000'000'000 + i * kMinute);
  }
  devices[100] = nullptr;
  values[200] = nullptr;
  values[300] = std::numeric_limits<double>::quiet_NaN();
  values[301] = -std::numeric_limits<double>::infinity();
  times[400] = nullptr;
  times[500] = int64_t{0};
  devices[501] = std::string(70'000, 'x');
  return {{"device", devices},
          {"quantity", quantities},
          {"value", values},
          {"time", Type::timestamp(), times}};
}

TEST(IotContract, DetectAnomaly) {
  for (const char* method : {"range_quad", "range", "ewma", "gaussian", "stuck"}) {
    SCOPED_TRACE(method);
    ContractSubject subject;
    subject.inputs = {readings()};
    subject.settings = {{"method", method}, {"time", "time"}, {"window", 60}, {"warm_up", 10}};
    EXPECT_CONTRACT(kLibrary, "detect_anomaly", subject);
  }
}

TEST(IotContract, DetectAnomalyByLimits) {
  ContractSubject subject;
  subject.inputs = {readings()};
  subject.settings = {{"method", "threshold"}, {"max", 90.0}};
  EXPECT_CONTRACT(kLibrary, "detect_anomaly", subject);
  subject.settings = {{"method", "rate_of_change"}, {"time", "time"}, {"max_change", 10.0}};
  EXPECT_CONTRACT(kLibrary, "detect_anomaly", subject);
}

TEST(IotContract, DetectAnomalyByAnEnsembleWithFewKeys) {
  ContractSubject subject;
  subject.inputs = {readings()};
  subject.settings = {{"method", "ensemble"},
                      {"methods", Names{"range_quad", "missing", "ewma"}},
                      {"time", "time"},
                      {"max_keys", 128},
                      {"expected_every", "10m"}};
  EXPECT_CONTRACT(kLibrary, "detect_anomaly", subject);
  subject.settings.emplace_back("key", Names{});
  EXPECT_CONTRACT(kLibrary, "detect_anomaly", subject);
}

TEST(IotContract, Evaluate) {
  Table rows = readings();
  std::vector<Cell> found, scores, faults;
  for (int64_t i = 0; i < rows.rows(); ++i) {
    found.emplace_back(i % 50 == 0);
    scores.emplace_back(static_cast<double>(i % 10) / 10);
    faults.emplace_back(nullptr);
    if (i % 100 < 5) faults.back() = Cell("spike");
  }
  rows.columns.emplace_back("is_anomaly", Type::boolean(), found);
  rows.columns.emplace_back("score", Type::float64(), scores);
  rows.columns.emplace_back("fault", Type::text(), faults);
  ContractSubject subject;
  subject.inputs = {rows};
  subject.settings = {{"time", "time"}};
  EXPECT_CONTRACT(kLibrary, "evaluate", subject);
}

}  // namespace
}  // namespace flow::operators::iot_contract_test
