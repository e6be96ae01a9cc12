// abi.h as C++20: the same layout as in C, and as it was published.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <type_traits>

#include "flow/abi.h"

#define FLOW_FROZEN_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type " changed size");
#define FLOW_FROZEN_OFFSET(type, member, bytes) \
  static_assert(offsetof(type, member) == (bytes), #type "." #member " moved");
#define FLOW_FROZEN_VALUE(name, value) static_assert((name) == (value), #name " changed value");
#include "flow/testing/harness.hpp"
#include "tests/abi/layout.inc"

extern "C" size_t flow_host_bytes_in_c();

namespace flow::testing {
namespace {

TEST(AbiHeader, HasTheSameLayoutInCAndCxx) { EXPECT_EQ(flow_host_bytes_in_c(), sizeof(flow_host)); }

template <class T>
constexpr bool kPlain = std::is_standard_layout_v<T>&& std::is_trivially_copyable_v<T>;

TEST(AbiHeader, CrossesWithPlainStructsOnly) {
  EXPECT_TRUE(kPlain<flow_host> && kPlain<flow_operator> && kPlain<flow_component> &&
              kPlain<flow_plugin> && kPlain<flow_descriptor> && kPlain<flow_column> &&
              kPlain<flow_batch> && kPlain<flow_value>);
}

TEST(AbiHeader, CoversAMemberOnlyIfTheAuthorHadIt) {
  flow_component component{};
  component.size = offsetof(flow_component, extension);
  EXPECT_TRUE(FLOW_HAS(flow_component, &component, destroy));
  EXPECT_FALSE(FLOW_HAS(flow_component, &component, extension));
}

std::string plugin(const std::string& name) { return FLOWRUN_TEST_PLUGIN_DIR "/" + name + ".so"; }

// Written in C with the published header, and with objects that end before the newest members, each
// in memory of exactly that size: a sanitizer sees any look behind the end.
TEST(OlderPlugin, StillLoadsAndRuns) {
  auto harness = Harness::load(plugin("older"), "count_rows");
  harness.push({{"a", {1, 2, 3}}});
  harness.push({{"a", {4}}});
  const flow_operator& op = *harness.op();
  EXPECT_FALSE(FLOW_HAS(flow_operator, &op, extension));
  EXPECT_EQ(harness.pull().rows(), 4);
  EXPECT_EQ(harness.metric("rows"), 4);
  harness.advance(5);
  harness.close();
}

TEST(OlderPlugin, HandsItsStateOver) {
  auto first = Harness::load(plugin("older"), "count_rows");
  first.push({{"a", {1, 2, 3}}});
  auto second = Harness::load(plugin("older"), "count_rows");
  second.restore(first.snapshot());
  second.push({{"a", {4}}});
  EXPECT_EQ(second.metric("rows"), 4);
}

}  // namespace
}  // namespace flow::testing
