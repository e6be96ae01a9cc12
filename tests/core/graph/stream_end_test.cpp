// Records of a partition whose stream ends and begins again.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/core/graph/test_flow.hpp"

namespace flowrun::graph_test::stream_end_test {
namespace {

std::vector<std::string> lines_of(const std::string& pieces) {
  clear_boards();
  Flow flow(R"(
    [pipeline]
    plugins = ["pipe_lines"]
    on_error = "drop"
    [sources.streams]
    type = "streams"
    decoding = "pipe_lines"
    pieces = [)" +
                pieces + R"(]
    [sinks.out]
    type = "collect"
    inputs = ["streams"]
    )",
            {}, {FLOWRUN_TEST_PLUGIN_DIR});
  const RunResult result = flow.run();
  EXPECT_EQ(result.outcome, Outcome::kFinished) << result.message;
  EXPECT_EQ(flow.metric("flowrun_unaccounted_rows"), 0);
  return board("sink").lines;
}

TEST(StreamEndTest, RecordThatPiecesShareIsOne) {
  EXPECT_EQ(lines_of(R"("a|b", "c|d")"), (std::vector<std::string>{"a", "bc", "d"}));
}

TEST(StreamEndTest, WhatIsHeldBackIsARecordWhenTheStreamEnds) {
  EXPECT_EQ(lines_of(R"("a|b", ".", "c|", "d", ".", ".", "e|f")"),
            (std::vector<std::string>{"a", "b", "c", "d", "e", "f"}));
}

}  // namespace
}  // namespace flowrun::graph_test::stream_end_test
