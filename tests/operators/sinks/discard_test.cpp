#include "operators/sinks/discard.hpp"

#include <gtest/gtest.h>

#include "flow/testing/harness.hpp"

namespace flow::operators::discard_test {
namespace {

using flow::testing::Harness;

TEST(DiscardSinkTest, AnyRowsAreTakenAndNoneFails) {
  Harness harness = Harness::of<DiscardSink>();
  harness.push({{"n", {1, 2}}, {"text", {"a", nullptr}}});
  harness.push({{"bytes", Type::binary(), {"encoded\n"}}});
  harness.close();
  EXPECT_TRUE(harness.failed().empty());
  EXPECT_TRUE(harness.host().dropped.empty());
  EXPECT_EQ(harness.host().passed + harness.host().created, 0);
}

TEST(DiscardSinkTest, RunsInParallel) {
  EXPECT_EQ(Harness::of<DiscardSink>().descriptor().traits,
            uint64_t{FLOW_STATELESS | FLOW_ANY_ROWS});
}

}  // namespace
}  // namespace flow::operators::discard_test
