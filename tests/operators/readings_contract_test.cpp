// What plugins/iot has to check readings and to make alerts of them, as the library exports it.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"

namespace flow::operators::readings_contract_test {
namespace {

using flow::testing::ContractSubject;
using flow::testing::Setting;
using Names = std::vector<std::string>;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/iot.so";

TEST(ReadingsContract, Validate) {
  ContractSubject subject;
  subject.inputs = {
      {{"device", {"d-1", "d-2", nullptr, "a device of another name", "d-5"}},
       {"value", {1.5, 1e9, 2.0, 3.0, std::numeric_limits<double>::quiet_NaN()}},
       {"quantity", Type::category(), {"power", "power", "humidity", "length", "power"}}}};
  EXPECT_CONTRACT(kLibrary, "validate", subject);
  subject.settings = {{"strict", false}};
  EXPECT_CONTRACT(kLibrary, "validate", subject);
  subject.settings = {
      {"schema", Setting::table({{"value", Setting::table({{"expected_max", 2}})}})}};
  EXPECT_CONTRACT(kLibrary, "validate", subject);
}

TEST(ReadingsContract, Alert) {
  ContractSubject subject;
  subject.inputs = {{{"device", {"a", "b", "a", nullptr, "a", "a longer name of a device"}},
                     {"quantity", {"x", "x", "y", "x", "x", "x"}},
                     {"is_anomaly", {true, false, true, true, nullptr, true}},
                     {"score", {0.5, 0.1, 0.95, nullptr, 0.2, 0.6}},
                     {"reason", {"high", nullptr, "higher than all before", "x", "", "y"}}}};
  subject.settings = {{"time", "processing"}, {"open_after", 1}};
  EXPECT_CONTRACT(kLibrary, "alert", subject);
  subject.settings = {{"time", "processing"}, {"open_after", 2}, {"series", Names{}}};
  EXPECT_CONTRACT(kLibrary, "alert", subject);
}

}  // namespace
}  // namespace flow::operators::readings_contract_test
