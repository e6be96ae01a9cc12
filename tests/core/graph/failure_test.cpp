// What becomes of a pipeline when one of its components, or somebody outside, ends it.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/observe/log.hpp"
#include "tests/core/graph/test_flow.hpp"

namespace flowrun::graph_test::failure_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FailureTest : public ::testing::Test {
 protected:
  FailureTest()
      : watchdog_(seconds(60), ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    clear_boards();
    log::redirect([this](std::string_view line) {
      const std::lock_guard lock(log_mutex_);
      logged_ += line;
    });
  }
  ~FailureTest() override { log::redirect({}); }

  // numbers -> step -> sink, with extra settings of each.
  static std::string line(const std::string& numbers, const std::string& step,
                          const std::string& step_type = "step",
                          const std::string& pipeline = "on_error = \"drop\"",
                          const std::string& sink_type = "collect") {
    return "[pipeline]\n" + pipeline + "\n[sources.numbers]\ntype = \"numbers\"\n" + numbers +
           "\n[transforms.middle]\ntype = \"" + step_type + "\"\ninputs = [\"numbers\"]\n" + step +
           "\n[sinks.end]\ntype = \"" + sink_type + "\"\ninputs = [\"middle\"]\n";
  }
  void refuse_for_a_while(const std::string& sink_type);
  bool was_logged(const std::string& text) {
    const std::lock_guard lock(log_mutex_);
    return logged_.find(text) != std::string::npos;
  }

  std::mutex log_mutex_;
  std::string logged_;
  Watchdog watchdog_;
};

TEST_F(FailureTest, AnOperatorThatRefusesToOpenIsNamed) {
  try {
    Flow flow(line("", "fail_open = 1"));
    FAIL() << "opened";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "test.toml:6:13: transforms.middle: refuses to open");
  }
  EXPECT_THROW(Flow(line("fail_open = 1", "")), std::runtime_error);
}

TEST_F(FailureTest, AnExceptionInMidStreamStopsThePipelineWithTheComponentsName) {
  for (const std::string type : {"step", "serial_step"}) {
    Flow flow(line("rows = 100000", "throw_after = 3", type), {.parallelism = 2});
    const RunResult result = flow.run();
    EXPECT_EQ(result.outcome, Outcome::kFailed);
    EXPECT_EQ(result.message, "middle: broke down in mid-stream");
    EXPECT_EQ(flow.pipeline().ledger().unaccounted(), 0u);
  }
}

TEST_F(FailureTest, ASourceThatThrowsStopsThePipelineWithItsName) {
  Flow flow(line("rows = 1000\nthrow_at = 500", ""));
  const RunResult result = flow.run();
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(result.message, "numbers: the source is broken");
  EXPECT_EQ(flow.pipeline().ledger().unaccounted(), 0u);
}

TEST_F(FailureTest, EmittingOnAnOutputThatIsNotThereStopsThePipeline) {
  Flow flow(line("rows = 1000", "bad_port_after = 2"));
  const RunResult result = flow.run();
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(result.message, "middle: emitted on output 9, which it does not declare");
}

TEST_F(FailureTest, FailingARowWithoutAnErrorsPortStopsThePipeline) {
  Flow flow(line("rows = 10", "unused = 1\non_error = \"dead_letter\"", "no_errors_port"), {});
  const RunResult result = flow.run();
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_NE(result.message.find("middle: a row failed (nowhere: to go)"), std::string::npos)
      << result.message;
}

TEST_F(FailureTest, OnErrorStopStopsAtTheFirstFailedRow) {
  Flow flow(line("rows = 10000\nfail_percent = 0", "fail = 5", "step", "on_error = \"stop\""));
  const RunResult result = flow.run();
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_NE(result.message.find("middle: a row failed, and on_error is 'stop': hash: "),
            std::string::npos)
      << result.message;
}

TEST_F(FailureTest, OnErrorDropCountsFailedRowsAndGoesOn) {
  Flow flow(line("rows = 10000", "fail = 10"));
  const RunResult result = flow.run();
  EXPECT_EQ(result.outcome, Outcome::kFinished) << result.message;
  std::int64_t expected = 0;
  for (std::int64_t i = 0; i < 10000; ++i) {
    expected += fate_of(source_row(0, 1, i), 1, 0, 10, 0) == Fate::kFail ? 1 : 0;
  }
  EXPECT_GT(expected, 500);
  EXPECT_EQ(board("sink").delivered.load(), 10000 - expected);
  EXPECT_EQ(flow.metric("flowrun_component_errors_total", {"\"middle\"", "reason=\"hash\""}),
            static_cast<double>(expected));
  EXPECT_EQ(flow.pipeline().ledger().unaccounted(), 0u);
}

TEST_F(FailureTest, AWiredErrorsPortGetsFailedRowsWhateverOnErrorSays) {
  for (const std::string on_error : {"drop", "stop"}) {
    clear_boards();
    Flow flow(line("rows = 2000", "fail = 10", "step", "on_error = \"" + on_error + "\"") +
              "[sinks.bad]\ntype = \"collect\"\ninto = \"bad\"\ninputs = [\"middle.errors\"]\n");
    const RunResult result = flow.run();
    EXPECT_EQ(result.outcome, Outcome::kFinished) << result.message;
    EXPECT_GT(board("bad").delivered.load(), 100);
    EXPECT_EQ(board("bad").delivered.load() + board("sink").delivered.load(), 2000);
  }
}

TEST_F(FailureTest, RowsThatASourceFailsLeaveByItsErrorsPort) {
  Flow flow(line("rows = 2000\nfail_percent = 10", "") +
            "[sinks.bad]\ntype = \"collect\"\ninto = \"bad\"\ninputs = [\"numbers.errors\"]\n");
  const RunResult result = flow.run();
  EXPECT_EQ(result.outcome, Outcome::kFinished) << result.message;
  const std::lock_guard lock(board("bad").mutex);
  EXPECT_TRUE(board("bad").rows.empty()) << "rows that did not fail";
  EXPECT_GT(board("bad").delivered.load(), 100);
  EXPECT_EQ(board("bad").delivered.load() + board("sink").delivered.load(), 2000);
  EXPECT_EQ(flow.pipeline().ledger().unaccounted(), 0u);
}

TEST_F(FailureTest, ASinkThatRefusesForAWhileLosesNothingAndAlarms) {
  for (const std::string sink : {"collect", "collect_here"}) {
    SCOPED_TRACE(sink);
    clear_boards();
    refuse_for_a_while(sink);
  }
}

void FailureTest::refuse_for_a_while(const std::string& sink_type) {
  board("sink").refusing = true;
  Flow flow(line("rows = 20000", "drop = 20", "step", "on_error = \"drop\"", sink_type),
            {.checkpoint_interval = 50'000'000});
  flow.start();
  ASSERT_TRUE(wait_until(seconds(20), [] { return board("sink").refused.load() >= 3; }));
  EXPECT_EQ(board("sink").delivered.load(), 0);
  board("sink").refusing = false;
  const RunResult result = flow.wait();
  EXPECT_EQ(result.outcome, Outcome::kFinished) << result.message;
  std::int64_t dropped = 0;
  for (std::int64_t i = 0; i < 20000; ++i) {
    dropped += fate_of(source_row(0, 1, i), 1, 20, 0, 0) == Fate::kDrop ? 1 : 0;
  }
  EXPECT_EQ(board("sink").delivered.load(), 20000 - dropped);
  EXPECT_TRUE(was_logged("retried"));
  EXPECT_TRUE(was_logged("the board refuses"));
  EXPECT_EQ(flow.pipeline().ledger().unaccounted(), 0u);
}

TEST_F(FailureTest, StopDeliversEverythingThatWasRead) {
  Flow flow(line("endless = 1\nbatch = 500", "nap_us = 500"), {.parallelism = 2});
  flow.start();
  ASSERT_TRUE(wait_until(seconds(20), [] { return board("sink").delivered.load() > 10000; }));
  flow.pipeline().stop("test");
  const RunResult result = flow.wait();
  EXPECT_EQ(result.outcome, Outcome::kFinished) << result.message;
  EXPECT_EQ(result.rows_left, 0u);
  EXPECT_EQ(board("sink").closed_drained, 1);
  const std::uint64_t created =
      flow.pipeline().ledger().find_component("numbers")->totals().rows.created;
  EXPECT_EQ(board("sink").delivered.load(), static_cast<std::int64_t>(created));
  EXPECT_EQ(flow.pipeline().ledger().unaccounted(), 0u);
}

TEST_F(FailureTest, ADrainThatTakesTooLongEndsAndSaysWhatIsLeft) {
  board("sink").refusing = true;
  Flow flow(line("endless = 1", ""), {.drain_timeout = 300'000'000});
  flow.start();
  ASSERT_TRUE(wait_until(seconds(20), [] { return board("sink").refused.load() >= 1; }));
  flow.pipeline().stop("test");
  const RunResult result = flow.wait();
  EXPECT_EQ(result.outcome, Outcome::kAborted);
  const std::uint64_t created =
      flow.pipeline().ledger().find_component("numbers")->totals().rows.created;
  EXPECT_EQ(result.rows_left, created) << "nothing was delivered, so all of it is left";
  EXPECT_EQ(board("sink").closed_undrained, 1);
}

TEST_F(FailureTest, RowsOfTheOneMessageThatTheSinkHasCountAsLeft) {
  board("sink").refusing = true;
  Flow flow(line("rows = 10\nbatch = 1000", ""), {.drain_timeout = 100'000'000});
  flow.start();
  ASSERT_TRUE(wait_until(seconds(20), [] { return board("sink").refused.load() >= 1; }));
  flow.pipeline().stop("test");
  const RunResult result = flow.wait();
  EXPECT_EQ(result.outcome, Outcome::kAborted);
  EXPECT_EQ(result.rows_left, 10u);
}

TEST_F(FailureTest, AbortEndsAtOnceWhileTheSinkBlocks) {
  board("sink").blocked = true;
  Flow flow(line("endless = 1\nbatch = 500", ""), {.parallelism = 2});
  flow.start();
  std::this_thread::sleep_for(milliseconds(300));
  const auto start = std::chrono::steady_clock::now();
  flow.pipeline().abort();
  const RunResult result = flow.wait();
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(2));
  EXPECT_EQ(result.outcome, Outcome::kAborted);
  EXPECT_GT(result.rows_left, 0u);
}

TEST_F(FailureTest, AbortAndStopBeforeTheRunAreHonoured) {
  {
    Flow flow(line("endless = 1", ""));
    flow.pipeline().abort();
    EXPECT_EQ(flow.run().outcome, Outcome::kAborted);
  }
  {
    Flow flow(line("endless = 1", ""));
    flow.pipeline().stop("test");
    EXPECT_EQ(flow.run().outcome, Outcome::kFinished);
  }
  { const Flow never_run(line("", "")); }
}

TEST_F(FailureTest, TwoPipelinesRunAfterEachOtherAndSideBySide) {
  for (int round = 0; round < 3; ++round) {
    clear_boards();
    Flow one(line("rows = 5000", ""), {.parallelism = 2});
    Flow two(
        "[sources.n]\ntype = \"numbers\"\nrows = 5000\n[sinks.s]\ntype = \"collect\"\n"
        "into = \"two\"\ninputs = [\"n\"]\n[pipeline]\non_error = \"drop\"\n",
        {.parallelism = 2});
    one.start();
    two.start();
    EXPECT_EQ(one.wait().outcome, Outcome::kFinished);
    EXPECT_EQ(two.wait().outcome, Outcome::kFinished);
    EXPECT_EQ(board("sink").delivered.load(), 5000);
    EXPECT_EQ(board("two").delivered.load(), 5000);
  }
}

TEST_F(FailureTest, DeferredAnswersDoNotHoldTheirSourceBackForEver) {
  // More bytes than a source may have in flight, all of them deferred at some time.
  Flow flow(line("rows = 200000\nbatch = 2000", "nap_us = 10", "ask",
                 "on_error = \"drop\"\nmemory_limit = \"8MiB\"\nin_flight = \"256KiB\""));
  EXPECT_EQ(flow.run().outcome, Outcome::kFinished);
  EXPECT_EQ(board("sink").delivered.load(), 200000);
  EXPECT_EQ(flow.pipeline().ledger().unaccounted(), 0u);
}

TEST_F(FailureTest, CheckpointsGoOnAfterOneBranchHasEnded) {
  const std::string branch =
      "[sources.short]\ntype = \"numbers\"\nrows = 10\nsource = 1\n"
      "[transforms.after_short]\ntype = \"serial_step\"\ninputs = [\"short\"]\n"
      "[sinks.short_end]\ntype = \"collect\"\ninto = \"short\"\ninputs = [\"after_short\"]\n";
  Flow flow(line("endless = 1\nnap_us = 2000", "") + branch, {.checkpoint_interval = 20'000'000});
  flow.start();
  ASSERT_TRUE(wait_until(seconds(20), [] {
    const std::lock_guard lock(board("short").mutex);
    return board("short").closed_drained == 1;
  }));
  const std::uint64_t before = flow.pipeline().checkpoints();
  EXPECT_TRUE(wait_until(seconds(20), [&] { return flow.pipeline().checkpoints() > before + 5; }))
      << "only " << flow.pipeline().checkpoints() - before << " more";
  flow.pipeline().stop("test");
  EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
}

TEST_F(FailureTest, OneRowBecomesAMillionWithinTheMemoryLimit) {
  for (const int parallelism : {1, 2, 4}) {
    clear_boards();
    Flow flow(line("rows = 4\nbatch = 1", "exactly = 250000\nbatch = 4096", "amplify",
                   "on_error = \"drop\"\nmemory_limit = \"8MiB\"") +
                  "nap_us = 1000\nkeep = 0\n",
              {.parallelism = parallelism, .checkpoint_interval = 50'000'000});
    const RunResult result = flow.run();
    EXPECT_EQ(result.outcome, Outcome::kFinished) << result.message;
    EXPECT_EQ(board("sink").delivered.load(), 1'000'000);
    // 4,096 rows of seven integers are 230 kB; each worker may be in the middle of one, and
    // gathers.
    const std::int64_t batch = 4096 * 7 * 8 + 4096;
    EXPECT_LT(flow.pipeline().memory_peak(), (8 << 20) + 2 * (parallelism + 1) * batch)
        << "parallelism " << parallelism;
    EXPECT_EQ(flow.pipeline().ledger().unaccounted(), 0u);
  }
}

TEST_F(FailureTest, OneRowBecomesAMillion) {
  Flow flow(line("rows = 1", "exactly = 1000000\nbatch = 4096", "amplify",
                 "on_error = \"drop\"\nmemory_limit = \"8MiB\"") +
                "nap_us = 3000\nkeep = 0\n",
            {.parallelism = 2});
  EXPECT_EQ(flow.run().outcome, Outcome::kFinished);
  EXPECT_EQ(board("sink").delivered.load(), 1'000'000);
  EXPECT_LT(flow.pipeline().memory_peak(), (8 << 20) + 1'000'000);
}

TEST_F(FailureTest, ASinkThatCannotPrepareDoesNotStopTheFlow) {
  Flow flow(line("rows = 20000\nnap_us = 300", "") + "throw_in_prepare = 1\n",
            {.checkpoint_interval = 20'000'000});
  EXPECT_EQ(flow.run().outcome, Outcome::kFinished);
  EXPECT_EQ(board("sink").delivered.load(), 20000);
  EXPECT_TRUE(board("sink").committed.empty());
}

}  // namespace
}  // namespace flowrun::graph_test::failure_test
