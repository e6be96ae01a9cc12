#include <gtest/gtest.h>

#include <flow/testing/check_contract.hpp>
#include <flow/testing/harness.hpp>

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Table;

namespace {

Harness threshold(double min) {
  return Harness::load(FLOW_PLUGIN_PATH, "threshold", {{"field", "celsius"}, {"min", min}});
}

TEST(Threshold, KeepsRowsFromTheMinimumUp) {
  auto harness = threshold(30.0);
  harness.push({{"celsius", {12.0, 30.0, 31.5}}, {"room", {"a", "b", "c"}}});
  EXPECT_EQ(harness.pull(), (Table{{"celsius", {30.0, 31.5}}, {"room", {"b", "c"}}}));
  EXPECT_EQ(harness.dropped("below the threshold"), 1);
}

TEST(Threshold, SendsRowsWithoutANumberToErrors) {
  auto harness = threshold(30.0);
  harness.push({{"celsius", {Cell(), 31.5}}});
  harness.push({{"celsius", {"hot"}}});
  ASSERT_EQ(harness.failed().size(), 2U);
  EXPECT_EQ(harness.failed()[0].reason, "no_number");
  EXPECT_EQ(harness.pull().rows(), 1);
}

TEST(Threshold, KeepsTheContract) {
  flow::testing::ContractSubject subject;
  subject.inputs = {{{"celsius", {12.0, nullptr, 30.0, 31.5, -4.0, 99.0}}}};
  EXPECT_CONTRACT(FLOW_PLUGIN_PATH, "threshold", subject);
}

}  // namespace
