#include "flow/state_array.hpp"

#include <gtest/gtest.h>

#include "flow/testing/host.hpp"

namespace flow::testing {
namespace {

struct Pair {
  int64_t a = 0;
  int64_t b = 0;
};
constexpr uint32_t kPerPage = FLOW_PAGE_BYTES / sizeof(Pair);

TEST(StateArrayTest, GrowsByPagesOfZeros) {
  TestHost host;
  StateArray<Pair> array(host.host(), "pairs", 1);
  EXPECT_EQ(array.size(), 0U);
  ASSERT_TRUE(array.grow(kPerPage + 1));
  EXPECT_EQ(array.size(), uint64_t{2} * kPerPage);
  EXPECT_EQ(host.state().bytes(), 2 * FLOW_PAGE_BYTES);
  for (uint32_t i = 0; i < array.size(); ++i) {
    EXPECT_EQ(array[i].a, 0);
    array.edit(i) = {i, -static_cast<int64_t>(i)};
  }
  ASSERT_TRUE(array.grow(10 * kPerPage));
  for (uint32_t i = 0; i < 2 * kPerPage; ++i) ASSERT_EQ(array[i].b, -static_cast<int64_t>(i));
  EXPECT_EQ(array[9 * kPerPage].a, 0);
}

TEST(StateArrayTest, IsReopenedFromItsPagesAlone) {
  TestHost host;
  StateArray<Pair> array(host.host(), "pairs", 1);
  ASSERT_TRUE(array.grow(3 * kPerPage));
  array.edit(2 * kPerPage + 7).a = 42;
  host.state().freeze();
  TestHost other;
  other.state().restore(host.state().frozen());
  StateArray<Pair> again(other.host(), "pairs", 1);
  EXPECT_EQ(again.size(), array.size());
  EXPECT_EQ(again[2 * kPerPage + 7].a, 42);
}

TEST(StateArrayTest, KeepsTheFrozenContentForTheCheckpoint) {
  TestHost host;
  StateArray<Pair> array(host.host(), "pairs", 1);
  ASSERT_TRUE(array.grow(1));
  array.edit(5).a = 1;
  host.state().freeze();
  EXPECT_EQ(array[5].a, 1);
  array.edit(5).a = 2;
  TestHost other;
  other.state().restore(host.state().frozen());
  EXPECT_EQ(StateArray<Pair>(other.host(), "pairs", 1)[5].a, 1);
  EXPECT_EQ(array[5].a, 2);
}

TEST(StateArrayTest, DoesNotGrowPastTheLimitAndKeepsWhatItHas) {
  TestHost host;
  host.state_limit = 3 * FLOW_PAGE_BYTES;
  StateArray<Pair> array(host.host(), "pairs", 1);
  EXPECT_TRUE(array.grow(3 * kPerPage));
  EXPECT_FALSE(array.grow(3 * kPerPage + 1));
  array.edit(3 * kPerPage - 1).a = 9;
  EXPECT_EQ(array[3 * kPerPage - 1].a, 9);
}

TEST(StateArrayTest, RefusesRecordsOfAnotherVersion) {
  TestHost host;
  StateArray<Pair> array(host.host(), "pairs", 1);
  EXPECT_THROW(StateArray<Pair>(host.host(), "pairs", 2), Failure);
}

}  // namespace
}  // namespace flow::testing
