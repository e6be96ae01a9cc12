#include "core/graph/thread_node.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/core/graph/test_flow.hpp"

namespace flowrun::graph_test::thread_node_test {
namespace {

// A sink that each row wakes waits nearly 400 times.
TEST(ThreadNodeTest, DatabaseGathersRowsThatComeOneByOne) {
  clear_boards();
  Flow flow(R"(
    [pipeline]
    on_error = "drop"
    [sources.slow]
    type = "numbers"
    batch = 1
    rows = 400
    nap_us = 1000
    [sinks.store]
    type = "store"
    inputs = ["slow"]
    )");
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(flow.run().outcome, Outcome::kFinished);
  const auto took = std::chrono::steady_clock::now() - begun;
  EXPECT_EQ(board("store").delivered.load(), 400);
  EXPECT_EQ(flow.metric("flowrun_unaccounted_rows"), 0);
  // It rests for 5 ms and then waits for the next row.
  EXPECT_LT(board("store").waits.load(), 20 + 2 * (took / std::chrono::milliseconds(5)));
}

}  // namespace
}  // namespace flowrun::graph_test::thread_node_test
