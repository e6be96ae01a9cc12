#include "core/graph/own_work.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/core/graph/test_flow.hpp"

namespace flowrun::graph_test::own_work_test {
namespace {

using std::chrono::milliseconds;

// Uses the processor for so long.
void work_for(milliseconds time) {
  const std::clock_t begun = std::clock();
  while (std::clock() - begun < time.count() * CLOCKS_PER_SEC / 1000) {
  }
}

void wait() { std::this_thread::sleep_for(milliseconds(1)); }

TEST(SpareTimeTest, ThreadThatWaitsHasSome) {
  const auto begun = SpareTime::Clock::now();
  SpareTime time;
  EXPECT_FALSE(time.has(begun, false)) << "nothing is known yet";
  wait();
  EXPECT_TRUE(time.has(begun + std::chrono::hours(1), false));
}

// Of a thread that is busy for `windows` of 50 ms and then waits: how long it is not asked.
milliseconds pause_after(int windows) {
  const auto begun = SpareTime::Clock::now();
  SpareTime time;
  auto now = begun;
  for (int i = 0; i < windows; ++i) {
    work_for(milliseconds(60));
    now += milliseconds(50);
    EXPECT_FALSE(time.has(now, false));
  }
  for (milliseconds pause(10); pause < milliseconds(5000); pause += milliseconds(10)) {
    wait();
    if (time.has(now + pause, false)) return pause;
  }
  return milliseconds::max();
}

TEST(SpareTimeTest, BusyThreadIsAskedAgainSoonAndEachTimeLater) {
  EXPECT_EQ(pause_after(1), milliseconds(20));
  EXPECT_EQ(pause_after(2), milliseconds(40));
  EXPECT_EQ(pause_after(5), milliseconds(320));
  EXPECT_EQ(pause_after(8), milliseconds(1000));
}

TEST(SpareTimeTest, EachCalmWindowMakesUpForABusyOne) {
  for (const int calm : {3, 10, 30}) {
    SCOPED_TRACE(calm);
    auto now = SpareTime::Clock::now();
    SpareTime time;
    const auto window = milliseconds(20);
    for (int i = 0; i < calm; ++i) {
      wait();
      EXPECT_TRUE(time.has(now += window, false));
    }
    int busy = 0;
    do {
      work_for(milliseconds(21));
      ++busy;
    } while (time.has(now += window, false) && busy < 100);
    // The first calm one made it work on its rows, and so counts for none.
    EXPECT_EQ(busy, std::min(calm - 1, 10) + 1);
  }
}

TEST(SpareTimeTest, ThreadThatOthersKeepFromTheProcessorHasNone) {
  const auto begun = SpareTime::Clock::now();
  SpareTime time;
  work_for(milliseconds(1));
  EXPECT_FALSE(time.has(begun + std::chrono::hours(1), false));
}

TEST(SpareTimeTest, ThreadThatTheFlowHoldsUpHasNone) {
  const auto begun = SpareTime::Clock::now();
  SpareTime time;
  wait();
  EXPECT_TRUE(time.has(begun + std::chrono::hours(1), false));
  wait();
  EXPECT_FALSE(time.has(begun + std::chrono::hours(1), true));
  wait();
  EXPECT_FALSE(time.has(begun + std::chrono::hours(2), false));
  wait();
  EXPECT_TRUE(time.has(begun + std::chrono::hours(3), false));
}

// The names of the threads that worked on the batches of a source, each with a pause before it.
std::vector<std::string> workers(int nap_us, int batch, int rows) {
  clear_boards();
  Flow flow("[pipeline]\non_error = \"drop\"\n[sources.slow]\ntype = \"numbers\"\nbatch = " +
                std::to_string(batch) + "\nrows = " + std::to_string(rows) +
                "\nnap_us = " + std::to_string(nap_us) +
                "\n[transforms.first]\ntype = \"step\"\ninputs = [\"slow\"]\nthreads = \"first\"\n"
                "[transforms.second]\ntype = \"serial_step\"\ninputs = [\"first.out\"]\n"
                "threads = \"second\"\n[sinks.rows]\ntype = \"collect\"\n"
                "inputs = [\"second.out\"]\ninto = \"rows\"\n",
            {.parallelism = 2});
  EXPECT_EQ(flow.run().outcome, Outcome::kFinished);
  EXPECT_EQ(flow.metric("flowrun_unaccounted_rows"), 0);
  EXPECT_EQ(board("rows").rows.size(), static_cast<std::size_t>(rows));
  std::vector<std::string> names = board("first").lines;
  const std::vector<std::string>& second = board("second").lines;
  names.insert(names.end(), second.begin(), second.end());
  return names;
}

TEST(OwnWorkTest, SourceThatWaitsForItsInputWorksOnItItself) {
  const std::vector<std::string> names = workers(2000, 1, 400);
  ASSERT_EQ(names.size(), 800u);
  // On a slow machine it is busy for a while now and then.
  EXPECT_GT(std::count(names.begin(), names.end(), "slow"), 200);
}

TEST(OwnWorkTest, SourceThatHasNoTimeLeavesItToTheWorkers) {
  // It takes long beside the 100 ms for which a source goes on through a rush.
  constexpr int kRows = 6'000'000;
  const std::vector<std::string> names = workers(0, 512, kRows);
  const auto batches = static_cast<std::ptrdiff_t>(names.size());
  ASSERT_GT(batches, 2 * kRows / 512);
  EXPECT_LT(std::count(names.begin(), names.end(), "slow"), batches / 2);
}

// The checkpoint for which a full journal waits is in the source's own hands.
TEST(OwnWorkTest, SourceWhoseJournalIsFullWaitsForItsCheckpoint) {
  clear_boards();
  const Watchdog watchdog(std::chrono::seconds(60), "a source with a full journal");
  const std::string folder = ::testing::TempDir() + "/flowrun_full_journal";
  std::filesystem::remove_all(folder);
  Flow flow(
      "[pipeline]\non_error = \"drop\"\n[sources.once]\ntype = \"numbers_once\"\nbatch = 4096\n"
      "rows = 200000\nnap_us = 20000\n[transforms.first]\ntype = \"step\"\n"
      "inputs = [\"once\"]\nthreads = \"first\"\n[sinks.rows]\ntype = \"collect\"\n"
      "inputs = [\"first.out\"]\ninto = \"rows\"\nkeep = 0\n",
      {.parallelism = 2,
       .checkpoint_interval = 200'000'000,
       .checkpoint_folder = folder,
       .checkpoints_kept = 1,
       .journal_limit = std::int64_t{4} << 20});
  EXPECT_EQ(flow.run().outcome, Outcome::kFinished);
  EXPECT_EQ(board("rows").delivered.load(), 200'000);
  EXPECT_EQ(flow.metric("flowrun_unaccounted_rows"), 0);
  const std::vector<std::string>& names = board("first").lines;
  EXPECT_GT(std::count(names.begin(), names.end(), "once"), 0) << "it never worked itself";
}

}  // namespace
}  // namespace flowrun::graph_test::own_work_test
