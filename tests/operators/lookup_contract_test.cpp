// Every operator of plugins/lookup, as the library exports it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flow::operators::lookup_contract_test {
namespace {

using flow::testing::ContractSubject;
using flow::testing::ScratchFolder;
using flow::testing::Setting;
using Names = std::vector<std::string>;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/lookup.so";

TEST(LookupContract, Lookup) {
  const ScratchFolder scratch;
  const std::string path = scratch.write(
      "devices.csv",
      "device,site,installed\nd-1,a site with a long name,2025-10-28T10:15:30Z\nd-2,b,\n");
  ContractSubject subject;
  subject.inputs = {
      {{"device", {"d-1", "d-2", nullptr, "d-1", "another device"}}, {"value", {1, 2, 3, 4, 5}}}};
  subject.settings = {
      {"path", path},
      {"fields", Names{"site", "installed"}},
      {"schema", Setting::table({{"site", "category"}, {"installed", "timestamp"}})}};
  EXPECT_CONTRACT(kLibrary, "lookup", subject);
  subject.settings = {
      {"path", path},        {"fields", Names{"site"}}, {"schema", Setting::table({})},
      {"prefix", "device_"}, {"join", "inner"},         {"reload", "0s"}};
  EXPECT_CONTRACT(kLibrary, "lookup", subject);
}

}  // namespace
}  // namespace flow::operators::lookup_contract_test
