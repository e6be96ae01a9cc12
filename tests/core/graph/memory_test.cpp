// A sink that stops accepting: memory stays bounded and honest, and nothing is lost.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/core/graph/test_flow.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FLOWRUN_TEST_OWN_HEAP 0
#else
#define FLOWRUN_TEST_OWN_HEAP 1
#endif

namespace flowrun::graph_test::memory_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::int64_t resident() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::stoll(line.substr(6)) * 1024;
  }
  return 0;
}

std::int64_t heap() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

// Until the source has begun, and emitted nothing more for a while. What it has emitted.
std::uint64_t stands_still(Flow& flow, const char* source) {
  const auto created = [&] {
    return flow.pipeline().ledger().find_component(source)->totals().rows.created;
  };
  std::uint64_t before = UINT64_MAX;
  for (int i = 0; i < 100 && (before == 0 || before != created()); ++i) {
    before = created();
    std::this_thread::sleep_for(milliseconds(200));
  }
  return before;
}

class MemoryTest : public ::testing::Test {
 protected:
  MemoryTest()
      : watchdog_(seconds(100), ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    clear_boards();
    // As the command does: without it the heap of this pattern grows to several times what is used.
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
  }
  Watchdog watchdog_;
};

TEST_F(MemoryTest, AStoppedSinkStopsItsSourceWithinTheLimitAndNothingIsLost) {
  for (const std::int64_t of : {1, 10, 1000}) {
    SCOPED_TRACE("keeps one row of " + std::to_string(of));
    clear_boards();
    constexpr std::int64_t kLimit = 64 << 20;
    constexpr std::int64_t kRows = 2'000'000;
    board("sink").blocked = true;
    Flow flow(
        "[pipeline]\nmemory_limit = \"64MiB\"\nin_flight = \"48MiB\"\n[sources.texts]\ntype = "
        "\"texts\"\nrows = " +
            std::to_string(kRows) +
            "\n[transforms.few]\ntype = \"keep_few\"\nof = " + std::to_string(of) +
            "\ninputs = [\"texts\"]\n[sinks.end]\ntype = \"collect\"\ninputs = [\"few\"]\n",
        {.parallelism = 2, .checkpoint_interval = 50'000'000});
    const std::int64_t heap_before = heap();
    const std::int64_t resident_before = resident();
    flow.start();
    const std::uint64_t emitted = stands_still(flow, "texts");
    EXPECT_EQ(board("sink").delivered.load(), 0);
    if (of < 1000) {
      EXPECT_LT(emitted, static_cast<std::uint64_t>(kRows)) << "the source went on";
    }
    const std::int64_t used = flow.pipeline().memory_used();
    const std::int64_t allocated = heap() - heap_before;
    EXPECT_LT(used, kLimit);
    EXPECT_LT(flow.pipeline().memory_peak(), kLimit + (4 << 20));
    EXPECT_EQ(flow.metric("flowrun_memory_bytes"), static_cast<double>(used));
#if !defined(__SANITIZE_THREAD__)  // whose shadow takes several times as much
    EXPECT_LT(resident() - resident_before, kLimit + (100 << 20));
#endif
    std::printf("of %lld: emitted %llu, used %lld, heap %lld, resident %lld\n",
                static_cast<long long>(of), static_cast<unsigned long long>(emitted),
                static_cast<long long>(used), static_cast<long long>(allocated),
                static_cast<long long>(resident() - resident_before));
    if (FLOWRUN_TEST_OWN_HEAP != 0 && of == 1) {
      EXPECT_GT(static_cast<double>(used), 0.9 * static_cast<double>(allocated));
      EXPECT_LT(static_cast<double>(used), 1.1 * static_cast<double>(allocated));
    }
    if (emitted < static_cast<std::uint64_t>(kRows)) {
      const double blocked = flow.metric("flowrun_edge_blocked_seconds_total", {"few -> end"});
      EXPECT_GT(blocked, 0.1) << flow.metrics().text();
      EXPECT_LE(flow.metric("flowrun_edge_blocked_seconds_total", {"texts -> few"}), blocked / 10);
    }
    board("sink").blocked = false;
    const RunResult result = flow.wait();
    EXPECT_EQ(result.outcome, Outcome::kFinished) << result.message;
    const std::int64_t kept = (kRows + of - 1) / of;
    EXPECT_EQ(board("sink").delivered.load(), kept);
    EXPECT_EQ(board("sink").sum, of * kept * (kept - 1) / 2);
    EXPECT_EQ(flow.pipeline().ledger().unaccounted(), 0u);
  }
}

TEST_F(MemoryTest, TextsOfRowsCountAsInFlight) {
  board("sink").blocked = true;
  Flow flow(
      "[pipeline]\nmemory_limit = \"64MiB\"\nin_flight = \"4MiB\"\n[sources.texts]\ntype = "
      "\"texts\"\nrows = 200000\n[sinks.end]\ntype = \"collect\"\ninputs = [\"texts\"]\n",
      {.parallelism = 2});
  flow.start();
  const std::uint64_t emitted = stands_still(flow, "texts");
  EXPECT_GT(emitted, 0U);
  EXPECT_LT(emitted, 200'000U);
  EXPECT_LT(flow.pipeline().memory_used(), 6 << 20);
  board("sink").blocked = false;
  EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
  EXPECT_EQ(board("sink").delivered.load(), 200'000);
}

TEST_F(MemoryTest, TheLimitHoldsWhereOneBatchIsAsBigAsItIs) {
  for (const int parallelism : {1, 4}) {
    clear_boards();
    // 900 kB a batch, 1 MiB in all.
    Flow flow(
        "[pipeline]\nmemory_limit = \"1MiB\"\n[sources.texts]\ntype = \"texts\"\nrows = 60000\n"
        "batch = 3000\n[transforms.few]\ntype = \"keep_few\"\nof = 2\ninputs = [\"texts\"]\n"
        "[sinks.end]\ntype = \"collect\"\nnap_us = 500\ninputs = [\"few\"]\n",
        {.parallelism = parallelism, .checkpoint_interval = 50'000'000});
    EXPECT_EQ(flow.run().outcome, Outcome::kFinished);
    EXPECT_EQ(board("sink").delivered.load(), 30000);
    EXPECT_LT(flow.pipeline().memory_peak(), 4 << 20);
  }
}

}  // namespace
}  // namespace flowrun::graph_test::memory_test
