#include "core/observe/ledger.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace flowrun::ledger_test {
namespace {

ComponentInfo parser() {
  return {"parsed", "parse_access_log", ComponentKind::kTransform, {"out", "errors"}};
}

TEST(LedgerTest, RowsInEqualTheSumOfTheirOutcomes) {
  ComponentLedger ledger(parser());
  LedgerDelta step;
  step.input_taken(10, 1000);
  step.emitted(0, 9, 900, 2);  // seven of the input, two new
  step.emitted(1, 1, 80, 0, LedgerDelta::Outcome::kNothing);
  step.failed("bad_time");
  step.dropped("not_selected", 1);
  step.absorbed(1);
  ledger.publish(step);

  const LedgerDelta totals = ledger.totals();
  EXPECT_EQ(totals.rows, (RowCounts{10, 7, 2, 1, 1, 0, 1}));
  EXPECT_EQ(totals.input, (FlowCounts{10, 1, 1000}));
  EXPECT_EQ(totals.ports[0], (FlowCounts{9, 1, 900}));
  EXPECT_EQ(totals.ports[1], (FlowCounts{1, 1, 80}));
  EXPECT_EQ(totals.errors["bad_time"], 1u);
  EXPECT_EQ(totals.drops["not_selected"], 1u);
  EXPECT_EQ(ledger.difference(), 0);
}

TEST(LedgerTest, ForgottenRowsArePositiveAndInventedOnesNegative) {
  ComponentLedger ledger(parser());
  LedgerDelta forgets;
  forgets.input_taken(10, 0);
  forgets.emitted(0, 7, 0, 0);
  ledger.publish(forgets);
  EXPECT_EQ(ledger.difference(), 3);
  LedgerDelta invents;
  invents.emitted(0, 5, 0, 0);
  ledger.publish(invents);
  EXPECT_EQ(ledger.difference(), -2);
}

TEST(LedgerTest, SourcesCreateAndSinksDeliver) {
  ComponentLedger source({"log", "file", ComponentKind::kSource, {"out"}});
  ComponentLedger sink({"index", "file", ComponentKind::kSink, {}});
  LedgerDelta step;
  step.emitted(0, 5, 50, 5);
  source.publish(step);
  step.reset();
  step.input_taken(5, 50);
  step.delivered(5);
  sink.publish(step);
  EXPECT_EQ(source.totals().rows.created, 5u);
  EXPECT_EQ(source.difference(), 0);
  EXPECT_EQ(sink.totals().rows.passed, 5u);
  EXPECT_EQ(sink.difference(), 0);
}

TEST(LedgerTest, ResetDeltaCountsFromZero) {
  ComponentLedger ledger(parser());
  LedgerDelta step;
  for (int time = 0; time < 3; ++time) {
    step.input_taken(2, 20);
    step.failed("bad_time");
    step.dropped("not_selected", 1);
    ledger.publish(step);
    step.reset();
  }
  EXPECT_EQ(ledger.totals().errors["bad_time"], 3u);
  EXPECT_EQ(ledger.totals().drops["not_selected"], 3u);
  EXPECT_EQ(ledger.totals().rows.in, 6u);
}

TEST(LedgerTest, ReasonsBeyondTheLimitAreCountedAsOther) {
  ComponentLedger ledger(parser());
  for (int reason = 0; reason < 100; ++reason) {
    LedgerDelta step;
    step.failed("reason_" + std::to_string(reason), 2);
    ledger.publish(step);
  }
  const LedgerDelta totals = ledger.totals();
  EXPECT_EQ(totals.errors.entries().size(), kMaxReasons + 1);
  EXPECT_EQ(totals.errors["reason_0"], 2u);
  EXPECT_EQ(totals.errors["reason_63"], 2u);
  EXPECT_EQ(totals.errors["reason_64"], 0u);
  EXPECT_EQ(totals.errors[kOtherReason], 2u * (100 - kMaxReasons));
  EXPECT_EQ(totals.rows.failed, 200u);
}

TEST(LedgerTest, ReasonsAreInternedShortAndValidUtf8) {
  EXPECT_EQ(intern_reason("same"), intern_reason(std::string("sa") + "me"));
  EXPECT_EQ(*intern_reason(""), "unspecified");
  EXPECT_EQ(intern_reason(std::string(1000, 'x'))->size(), 64u);
  EXPECT_EQ(*intern_reason("bad\xFF"), "bad\xEF\xBF\xBD");
}

TEST(LedgerTest, ReceivedMessageLeavesTheQueue) {
  EdgeLedger edge("parsed -> index");
  QueuedRows token = edge.send(10, 100);
  EXPECT_EQ(edge.counts().queued, 10u);
  EXPECT_EQ(edge.counts().difference(), 0);
  token.receive(10, 100);
  EXPECT_EQ(edge.counts().queued, 0u);
  EXPECT_EQ(edge.counts().received, (FlowCounts{10, 1, 100}));
  EXPECT_EQ(edge.counts().difference(), 0);
}

TEST(LedgerTest, MessageDestroyedUnreadIsMissing) {
  EdgeLedger edge("parsed -> index");
  { const QueuedRows token = edge.send(10, 100); }
  EXPECT_EQ(edge.counts().queued, 0u);
  EXPECT_EQ(edge.counts().difference(), 10);
  QueuedRows overwritten = edge.send(5, 50);
  overwritten = edge.send(1, 10);
  EXPECT_EQ(edge.counts().queued, 1u);
  EXPECT_EQ(edge.counts().difference(), 15);
}

TEST(LedgerTest, RowsLostInsideAMessageAreMissing) {
  EdgeLedger edge("parsed -> index");
  edge.send(10, 100).receive(8, 80);
  EXPECT_EQ(edge.counts().difference(), 2);
}

TEST(LedgerTest, MovedTokenCountsOnce) {
  EdgeLedger edge("parsed -> index");
  QueuedRows first = edge.send(10, 100);
  QueuedRows second = std::move(first);
  EXPECT_EQ(second.rows(), 10u);
  second.receive(10, 100);
  second.receive(10, 100);
  EXPECT_EQ(edge.counts().received.rows, 10u);
  EXPECT_EQ(edge.counts().difference(), 0);
}

TEST(LedgerTest, DifferencesOfOppositeSignDoNotCancel) {
  PipelineLedger pipeline;
  LedgerDelta step;
  step.input_taken(3, 0);
  pipeline.add_component({"a", "filter", ComponentKind::kTransform, {"out"}}).publish(step);
  step.reset();
  step.emitted(0, 3, 0, 0);
  pipeline.add_component({"b", "filter", ComponentKind::kTransform, {"out"}}).publish(step);
  pipeline.add_edge("a -> b").send(4, 0).receive(5, 0);
  EXPECT_EQ(pipeline.unaccounted(), 3u + 3u + 1u);
}

TEST(LedgerTest, NamesAreUnique) {
  PipelineLedger pipeline;
  ComponentLedger& component = pipeline.add_component(parser());
  EdgeLedger& edge = pipeline.add_edge("a -> b");
  EXPECT_THROW(pipeline.add_component(parser()), std::invalid_argument);
  EXPECT_THROW(pipeline.add_edge("a -> b"), std::invalid_argument);
  EXPECT_EQ(pipeline.find_component("parsed"), &component);
  EXPECT_EQ(pipeline.find_edge("a -> b"), &edge);
  EXPECT_EQ(pipeline.find_component("located"), nullptr);
  EXPECT_EQ(pipeline.find_edge("b -> a"), nullptr);
}

TEST(LedgerTest, PrintedTableNamesWhatWasLeftBehind) {
  PipelineLedger pipeline;
  LedgerDelta step;
  step.emitted(0, 1234567, 0, 1234567);
  pipeline.add_component({"log", "file", ComponentKind::kSource, {"out"}}).publish(step);
  step.reset();
  step.input_taken(1234557, 0);
  step.emitted(0, 1234545, 0, 0);
  step.failed("bad_line", 3);
  step.failed("bad_time", 9);
  pipeline.add_component(parser()).publish(step);
  EdgeLedger& edge = pipeline.add_edge("log -> parsed");
  edge.send(1234557, 0).receive(1234557, 0);
  const QueuedRows left = edge.send(10, 0);
  EXPECT_EQ(pipeline.queued(), 10u);
  std::ostringstream out;
  pipeline.print(out);
  EXPECT_EQ(out.str(),
            "component  type                     in        out    created  absorbed  late  "
            "dropped (reason)  failed (reason)\n"
            "log        file                      0  1,234,567  1,234,567         0     0  "
            "0                 0\n"
            "parsed     parse_access_log  1,234,557  1,234,545          0         0     0  "
            "0                 12 (bad_time 9, bad_line 3)\n"
            "edge log -> parsed: 10 rows left queued (sent 1,234,567, received 1,234,557)\n"
            "unaccounted rows: 0\n");
}

TEST(LedgerTest, PrintedTableNamesWhatIsMissing) {
  PipelineLedger pipeline;
  LedgerDelta step;
  step.input_taken(5, 0);
  pipeline.add_component(parser()).publish(step);
  { const QueuedRows lost = pipeline.add_edge("a -> b").send(2, 0); }
  std::ostringstream out;
  pipeline.print(out);
  EXPECT_NE(out.str().find("component parsed: 5 rows came in and have no outcome\n"),
            std::string::npos);
  EXPECT_NE(out.str().find("edge a -> b: 2 rows vanished on the way\n"), std::string::npos);
  EXPECT_TRUE(out.str().ends_with("unaccounted rows: 7\n"));
}

// Producers hand messages to consumers while a reader looks on: at no moment may a row be missing.
TEST(LedgerTest, ReaderSeesWholeStepsOnlyWhateverTheThreadsDo) {
  constexpr int kMessages = 3000;
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  PipelineLedger pipeline;
  ComponentLedger& component = pipeline.add_component(parser());
  EdgeLedger& edge = pipeline.add_edge("log -> parsed");
  std::atomic<int> working{2};
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < 2; ++worker) {
    threads.emplace_back([&, worker] {
      std::mt19937 random(seed + worker);
      std::vector<QueuedRows> queue;
      LedgerDelta step;
      for (int message = 0; message < kMessages; ++message) {
        queue.push_back(edge.send(random() % 100, 1));
        if (random() % 2 == 0) continue;
        for (QueuedRows& token : queue) {
          const std::uint64_t rows = token.rows();
          token.receive(rows, 1);
          step.input_taken(rows, 1);
          const std::uint64_t failed = random() % (rows + 1);
          step.failed("reason_" + std::to_string(random() % 80), failed);
          step.emitted(0, rows - failed + 3, 1, 3);
          component.publish(step);
          step.reset();
        }
        queue.clear();
      }
      for (QueuedRows& token : queue) {
        step.input_taken(token.rows(), 1);
        step.absorbed(token.rows());
        token.receive(token.rows(), 1);
      }
      component.publish(step);
      --working;
    });
  }
  int looks = 0;
  while (working > 0) {
    ++looks;
    ASSERT_EQ(pipeline.unaccounted(), 0u) << "after " << looks << " looks";
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pipeline.unaccounted(), 0u);
  EXPECT_EQ(pipeline.queued(), 0u);
  const LedgerDelta totals = component.totals();
  EXPECT_EQ(totals.rows.in, edge.counts().sent.rows);
  std::uint64_t failed = 0;
  for (const auto& [reason, count] : totals.errors.entries()) failed += count;
  EXPECT_EQ(failed, totals.rows.failed);
}

}  // namespace
}  // namespace flowrun::ledger_test
