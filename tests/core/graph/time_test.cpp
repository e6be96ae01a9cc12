// Event time through running pipelines: watermarks of partitions, silence, timers, the end.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/graph/test_flow.hpp"
#include "tests/core/graph/time_operators.hpp"

namespace flowrun::graph_test::time_test {
namespace {

using Lines = std::vector<std::string>;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::chrono::seconds kSoon{10};

class TimeTest : public ::testing::Test {
 protected:
  TimeTest() { clear_boards(); }
  Watchdog watchdog_{std::chrono::seconds(100), "time_test"};
};

std::string pipeline(const std::string& sources, const std::string& inputs,
                     const std::string& event_time, const std::string& tumble = "",
                     const std::string& behind = "timed") {
  return "[pipeline]\nplugins = [\"windows\"]\non_error = \"drop\"\n" + sources +
         "\n[transforms.timed]\ntype = \"event_time\"\nfield = \"time\"\nformat = \"epoch_s\"\n"
         "earliest = \"\"\nmax_future = \"0s\"\ninputs = [" +
         inputs + "]\n" + event_time + "\n[transforms.windows]\ntype = \"tumble\"\ninputs = [\"" +
         behind + "\"]\n" + tumble +
         "\n[sinks.lines]\ntype = \"collect\"\ninputs = [\"windows\"]\ninto = \"lines\"\n";
}
std::string script(const std::string& name, const std::string& partitions,
                   const std::string& events) {
  return "[sources." + name + "]\ntype = \"script\"\npartitions = [" + partitions +
         "]\nscript = [" + events + "]\n";
}
const std::vector<std::string> kFolders{FLOWRUN_PLUGIN_DIR};

Lines lines() {
  Board& collected = board("lines");
  const std::lock_guard lock(collected.mutex);
  Lines all = collected.lines;
  std::sort(all.begin(), all.end());
  return all;
}

// Until the component has taken so many rows, however slow the machine is: what is by the clock
// counts from there.
bool has_taken(Flow& flow, const std::string& component, int rows) {
  return wait_until(kSoon, [&] {
    return flow.metric("flowrun_component_rows_in_total", {"component=\"" + component + "\""}) ==
           rows;
  });
}

// As Tumble works them out, one row after the other.
Lines expected_lines(std::int64_t seed, std::int64_t rows, std::int64_t partitions,
                     std::int64_t keys, std::int64_t lateness, std::int64_t& late) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::pair<std::int64_t, std::int64_t>> windows;
  late = 0;
  for (std::int64_t partition = 0; partition < partitions; ++partition) {
    std::int64_t highest = INT64_MIN;
    for (std::int64_t number = 0; number < rows / (partition + 1); ++number) {
      const TimedRow row = timed_row(seed, partition, number, keys);
      highest = std::max(highest, row.time);
      const std::int64_t end = (row.time / 10 + 1) * 10;
      if (end <= highest - lateness) {
        ++late;
        continue;
      }
      auto& [count, sum] = windows[{row.key, end}];
      ++count;
      sum += row.id;
    }
  }
  Lines lines;
  for (const auto& [place, values] : windows) {
    lines.push_back(window_line(place.first, place.second, values.first, values.second));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST_F(TimeTest, WindowsAreTheSameAtAnyParallelismAndCut) {
  const std::uint64_t seed = test_seed("time");
  for (int round = 0; round < 8; ++round) {
    const auto rows_seed =
        static_cast<std::int64_t>(mix(seed, static_cast<std::uint64_t>(round)) >> 33);
    const std::int64_t lateness = round % 3;
    std::int64_t late = 0;
    const Lines expected = expected_lines(rows_seed, 400, 3, 7, lateness, late);
    for (const int parallelism : {1, 2, 4}) {
      clear_boards();
      const std::string sources =
          "[sources.a]\ntype = \"clocked\"\nrows = 400\nseed = " + std::to_string(rows_seed) +
          "\ncuts = " + std::to_string(rows_seed % 1000 + parallelism) +
          "\nbatch = " + std::to_string(1 + round * 9) + "\n";
      Flow flow(pipeline(sources, "\"a\"",
                         "idle = \"0s\"\nlateness = \"" + std::to_string(lateness) + "s\"\n"),
                {.parallelism = parallelism}, kFolders);
      ASSERT_EQ(flow.run().outcome, Outcome::kFinished);
      EXPECT_EQ(lines(), expected) << "round " << round << ", parallelism " << parallelism;
      EXPECT_EQ(flow.metric("flowrun_unaccounted_rows"), 0);
      EXPECT_EQ(flow.metric("flowrun_component_absorbed_rows_total", {"component=\"windows\""}),
                static_cast<double>(400 + 200 + 133 - late));
    }
  }
}

TEST_F(TimeTest, PartitionThatHasNotBegunHoldsTheRestBackAndOneThatEndedDoesNot) {
  board("gate").blocked = true;
  board("last").blocked = true;
  Flow flow(pipeline(script("a", "'p', 'q'",
                            "'p 1 1', 'p 50 1', 'wait gate', 'q 2 2', 'end q', 'wait last'"),
                     "\"a\"", "idle = \"0s\"\nlateness = \"0s\"\n"),
            {.parallelism = 2}, kFolders);
  flow.start();
  EXPECT_FALSE(wait_until(std::chrono::milliseconds(150), [] { return !lines().empty(); }));
  board("gate").blocked = false;
  EXPECT_TRUE(wait_until(kSoon, [] { return lines().size() == 2; }));
  EXPECT_EQ(lines(), (Lines{window_line(1, 10, 1, 1), window_line(2, 10, 1, 1)}));
  board("last").blocked = false;
  EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
  EXPECT_EQ(lines().size(), 3U);  // the end closes everything
}

TEST_F(TimeTest, SourceThatHasNotBegunHoldsTheRestBackUntilItEnds) {
  board("gate").blocked = true;
  board("last").blocked = true;
  Flow flow(pipeline(script("a", "'p'", "'p 1 1', 'p 50 1', 'wait last'") +
                         script("b", "'r'", "'stall gate'"),
                     "\"a\", \"b\"", "idle = \"0s\"\nlateness = \"0s\"\n"),
            {.parallelism = 2}, kFolders);
  flow.start();
  EXPECT_FALSE(wait_until(std::chrono::milliseconds(150), [] { return !lines().empty(); }));
  board("gate").blocked = false;
  EXPECT_TRUE(wait_until(kSoon, [] { return lines().size() == 1; }));
  board("last").blocked = false;
  EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
}

TEST_F(TimeTest, SilentPartitionIsLeftOutAfterIdleWithoutAnyMessage) {
  board("gate").blocked = true;
  std::atomic<std::int64_t> clock{1'700'000'000 * kSecond};
  Flow flow(pipeline(script("a", "'p', 'q'", "'q 5 2', 'p 1 1', 'p 50 1', 'wait gate'"), "\"a\"",
                     "idle = \"30s\"\nlateness = \"0s\"\n"),
            {.parallelism = 2, .now = [&] { return clock.load(); }}, kFolders);
  flow.start();
  ASSERT_TRUE(has_taken(flow, "timed", 3));
  // q holds p back until it has been silent; then the window that p is past is told.
  EXPECT_FALSE(wait_until(std::chrono::milliseconds(50), [] { return !lines().empty(); }));
  clock += 40 * kSecond;
  EXPECT_TRUE(wait_until(kSoon, [] { return !lines().empty(); }));
  board("gate").blocked = false;
  EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);

  clear_boards();
  board("gate").blocked = true;
  board("last").blocked = true;
  Flow again(pipeline(script("a", "'p'", "'p 1 1', 'wait gate', 'p 50 1', 'wait last'") +
                          script("b", "'q'", "'wait last'"),
                      "\"a\", \"b\"", "idle = \"30s\"\nlateness = \"0s\"\n"),
             {.parallelism = 2, .now = [&] { return clock.load(); }}, kFolders);
  again.start();
  ASSERT_TRUE(has_taken(again, "timed", 1));
  clock += 25 * kSecond;
  board("gate").blocked = false;
  ASSERT_TRUE(has_taken(again, "timed", 2));
  EXPECT_FALSE(wait_until(std::chrono::milliseconds(150), [] { return !lines().empty(); }));
  clock += 6 * kSecond;  // q is silent for 31 s, p for 6 s
  EXPECT_TRUE(wait_until(kSoon, [] { return lines().size() == 1; }));
  board("last").blocked = false;
  EXPECT_EQ(again.wait().outcome, Outcome::kFinished);
}

TEST_F(TimeTest, EventTimeThatNeverGetsAMessageHoldsNobodyBackAfterIdle) {
  board("last").blocked = true;
  std::atomic<std::int64_t> clock{1'700'000'000 * kSecond};
  const std::string silent =
      "[transforms.silent]\ntype = \"event_time\"\nfield = \"time\"\nformat = \"epoch_s\"\n"
      "idle = \"30s\"\ninputs = [\"b\"]\n";
  Flow flow(pipeline(script("a", "'p'", "'p 1 1', 'p 50 1', 'wait last'") +
                         script("b", "'r'", "'stall last'") + silent,
                     "\"a\"", "idle = \"0s\"\nlateness = \"0s\"\n", "", "timed\", \"silent"),
            {.parallelism = 2, .now = [&] { return clock.load(); }}, kFolders);
  flow.start();
  ASSERT_TRUE(has_taken(flow, "timed", 2));
  EXPECT_FALSE(wait_until(std::chrono::milliseconds(150), [] { return !lines().empty(); }));
  clock += 30 * kSecond;
  EXPECT_TRUE(wait_until(kSoon, [] { return lines().size() == 1; }));
  board("last").blocked = false;
  EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
}

TEST_F(TimeTest, InputWithoutEventTimeHoldsNobodyBack) {
  board("last").blocked = true;
  std::string text = pipeline(
      script("a", "'p'", "'p 1 1', 'p 50 1', 'wait last'") + script("b", "'r'", "'wait last'"),
      "\"a\"", "idle = \"0s\"\nlateness = \"0s\"\n", "", "timed\", \"b");
  Flow flow(text, {.parallelism = 2}, kFolders);
  flow.start();
  EXPECT_TRUE(wait_until(kSoon, [] { return lines().size() == 1; }));
  board("last").blocked = false;
  EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
}

TEST_F(TimeTest, TimersByTheClockFireWithoutAnyMessage) {
  board("last").blocked = true;
  std::atomic<std::int64_t> clock{1'700'000'000 * kSecond};
  Flow flow(pipeline(script("a", "'p'", "'p 1 1', 'p 2 1', 'p 3 2', 'wait last', 'p 4 3'"), "\"a\"",
                     "", "pause = 10"),
            {.parallelism = 2, .now = [&] { return clock.load(); }}, kFolders);
  flow.start();
  ASSERT_TRUE(has_taken(flow, "windows", 3));
  EXPECT_FALSE(wait_until(std::chrono::milliseconds(150), [] { return !lines().empty(); }));
  clock += 10 * kSecond;
  EXPECT_TRUE(wait_until(kSoon, [] { return lines().size() == 2; }));
  EXPECT_EQ(lines(), (Lines{window_line(1, 0, 2, 2), window_line(2, 0, 1, 1)}));
  board("last").blocked = false;
  EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
  EXPECT_EQ(lines().size(), 3U);
}

TEST_F(TimeTest, TimersThatAlwaysSetAnotherComeToAnEndWithTheStream) {
  Flow flow(pipeline(script("a", "'p'", "'p 1 1', 'p 50 1'"), "\"a\"", "", "again = 1"),
            {.parallelism = 1}, kFolders);
  EXPECT_EQ(flow.run().outcome, Outcome::kFinished);
  EXPECT_EQ(lines().size(), 2U);
}

TEST_F(TimeTest, StoppedStreamClosesWindowsOnlyWhereNoCheckpointKeepsThem) {
  for (const bool checkpoints : {false, true}) {
    clear_boards();
    board("last").blocked = true;
    const std::string folder = ::testing::TempDir() + "/flowrun_stopped_stream";
    std::filesystem::remove_all(folder);
    Flow flow(pipeline(script("a", "'p'", "'p 1 1', 'p 50 1', 'wait last'"), "\"a\"",
                       "lateness = \"0s\"\n"),
              {.parallelism = 1,
               .checkpoint_interval = checkpoints ? 3'600 * kSecond : 0,
               .checkpoint_folder = checkpoints ? folder : ""},
              kFolders);
    flow.start();
    EXPECT_TRUE(wait_until(kSoon, [] { return lines().size() == 1; }));
    flow.pipeline().stop("a test");
    EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
    EXPECT_EQ(lines().size(), checkpoints ? 1U : 2U);
  }
}

TEST_F(TimeTest, WatermarkIsAMetric) {
  board("last").blocked = true;
  Flow flow(pipeline(script("a", "'p'", "'p 1 1', 'p 50 1', 'wait last'"), "\"a\"",
                     "lateness = \"5s\"\n"),
            {.parallelism = 1}, kFolders);
  flow.start();
  EXPECT_TRUE(wait_until(kSoon, [&] {
    return flow.metric("flowrun_watermark_timestamp_seconds", {"component=\"windows\""}) == 45;
  }));
  EXPECT_EQ(flow.metric("flowrun_watermark_timestamp_seconds", {"component=\"timed\""}), 45);
  board("last").blocked = false;
  EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
}

}  // namespace
}  // namespace flowrun::graph_test::time_test
