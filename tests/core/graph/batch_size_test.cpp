#include "core/graph/batch_size.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/core/graph/table_batch.hpp"

namespace flowrun::batch_size_test {
namespace {

using flow::Batch;
using flow::Type;
using flow::testing::Cell;

class BatchSizeTest : public graph_test::TableBatchTest {};

TEST_F(BatchSizeTest, FixedWidthValuesAndViewsCount) {
  const Type place = Type::structure({{"lat", Type::float64()}, {"city", Type::text()}});
  const Cell here = Cell::structure({{"lat", 1.5}, {"city", "here"}});
  EXPECT_EQ(batch_bytes(*batch({{"n", {1, 2}}}).get()), 2 * 8);
  EXPECT_EQ(batch_bytes(*batch({{"n", {1, 2}}, {"place", place, {here, here}}}).get()),
            2 * (8 + 8 + 16));
}

TEST_F(BatchSizeTest, OfBytesTheTextCounts) {
  EXPECT_EQ(batch_bytes(*batch({{"bytes", Type::binary(), {"one", "three"}}}).get()), 3 + 5);
}

TEST_F(BatchSizeTest, HeldBytesHaveTheTextsBehindViews) {
  EXPECT_EQ(held_bytes(*batch({{"short", {"twelve bytes"}}, {"n", {1}}}).get()), 16 + 8);
  EXPECT_EQ(held_bytes(*batch({{"long", {"more than twelve bytes"}}, {"n", {1}}}).get()),
            16 + 22 + 8);
}

TEST_F(BatchSizeTest, OneAfterTheOtherCountsAsByThemselves) {
  const Type place = Type::structure({{"lat", Type::float64()}, {"open", Type::boolean()}});
  const Type numbers = Type::list(Type::int64());
  const Cell here = Cell::structure({{"lat", 1.5}, {"open", true}});
  const std::vector<Batch> batches = {
      batch({{"n", {1, 2, 3}}, {"place", place, {here, here, here}}}),
      batch({{"n", {1}}, {"place", place, {here}}}),
      batch({{"list", numbers, {Cell::list({1, 2, 3}), Cell::list({})}}}),
      batch({{"list", numbers, {Cell::list({1})}}}),
      batch({{"bytes", Type::binary(), {"one", "three"}}}),
      batch({{"bytes", Type::binary(), {"eleven bytes and more"}}}),
      batch({{"n", {1, 2, 3}}, {"place", place, {here, here, here}}}),
  };
  BatchBytes bytes;
  for (const Batch& each : batches) EXPECT_EQ(bytes(*each.get()), batch_bytes(*each.get()));
}

}  // namespace
}  // namespace flowrun::batch_size_test
