// Every operator of plugins/windows, as the library exports it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"

namespace flow::operators::operators_windows_contract_test {
namespace {

using flow::testing::ContractSubject;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/windows.so";

TEST(WindowsContract, EventTime) {
  ContractSubject subject;
  subject.settings = {{"field", "time"}, {"format", "epoch_s"}};
  subject.inputs = {
      {{"time",
        Type::int64(),
        {1'600'000'000, 1'600'000'100, nullptr, 1'600'000'050, 0, 4'102'444'800, 1'600'000'200}}}};
  EXPECT_CONTRACT(kLibrary, "event_time", subject);
  subject.settings = {{"field", "time"}, {"partitions", "together"}};
  subject.inputs = {{{"time",
                      {"2020-01-01T00:00:00Z", "", "2020-01-02T00:00:00Z", "no time", nullptr,
                       "1969-12-31T23:59:59Z"}}}};
  EXPECT_CONTRACT(kLibrary, "event_time", subject);
}

}  // namespace
}  // namespace flow::operators::operators_windows_contract_test
