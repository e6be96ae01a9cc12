// Sources that run ahead of others in event time wait for them, and for nobody else.
#include "core/graph/drift.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>

#include "tests/core/graph/test_flow.hpp"
#include "tests/core/graph/time_operators.hpp"

namespace flowrun::graph_test::drift_test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::chrono::seconds kSoon{10};

TEST(Drift, HoldsWhoIsTooFarAheadOfTheSlowest) {
  Drift drift(10, 3);
  const std::size_t a = drift.add_track(0);
  const std::size_t b = drift.add_track(1);
  const std::size_t c = drift.add_track(2);
  drift.add_meeting({a, b});
  drift.tell(c, 0);  // meets nobody
  drift.tell(a, 100);
  EXPECT_FALSE(drift.holds(0));  // nothing is known of b
  drift.tell(b, 90);
  EXPECT_FALSE(drift.holds(0));
  drift.tell(a, 101);
  EXPECT_TRUE(drift.holds(0));
  EXPECT_FALSE(drift.holds(1));
  EXPECT_FALSE(drift.holds(2));
  drift.tell(b, Drift::kUnknown);
  EXPECT_FALSE(drift.holds(0));
  drift.tell(b, INT64_MIN);
  EXPECT_TRUE(drift.holds(0));
}

TEST(Drift, ZeroHoldsNobody) {
  Drift drift(0, 2);
  const std::size_t a = drift.add_track(0);
  const std::size_t b = drift.add_track(1);
  drift.add_meeting({a, b});
  drift.tell(a, INT64_MAX - 1);
  drift.tell(b, INT64_MIN);
  EXPECT_FALSE(drift.holds(0));
}

// By one field the first is ahead of the second, by another the second of the third, and so on.
TEST(Drift, OneOfARingGoesOn) {
  Drift drift(10, 4);
  for (std::size_t source = 0; source < 3; ++source) {
    const std::size_t ahead = drift.add_track(source);
    const std::size_t behind = drift.add_track((source + 1) % 3);
    drift.add_meeting({ahead, behind});
    drift.tell(ahead, 1000);
    drift.tell(behind, 0);
  }
  EXPECT_FALSE(drift.holds(0));
  EXPECT_TRUE(drift.holds(1));
  EXPECT_TRUE(drift.holds(2));
  // Who waits for one of them is in no ring.
  const std::size_t last = drift.add_track(3);
  const std::size_t first = drift.add_track(0);
  drift.add_meeting({last, first});
  drift.tell(last, 1000);
  drift.tell(first, 0);
  EXPECT_TRUE(drift.holds(3));
}

class DriftFlow : public ::testing::Test {
 protected:
  DriftFlow() { clear_boards(); }
  Watchdog watchdog_{std::chrono::seconds(60), "drift_test"};
};

// Two sources that meet in a window, each with an event_time of its own or both with one.
std::string pipeline(const std::string& a, const std::string& b, bool together = false,
                     const std::string& settings = "", const std::string& idle = "0s") {
  const auto source = [](const std::string& name, const std::string& events) {
    return "[sources." + name + "]\ntype = \"script\"\npartitions = ['p']\nscript = [" + events +
           "]\n";
  };
  const auto timed = [&](const std::string& name, const std::string& inputs) {
    return "[transforms." + name +
           "]\ntype = \"event_time\"\nfield = \"time\"\nformat = \"epoch_s\"\nearliest = \"\"\n"
           "max_future = \"0s\"\nlateness = \"0s\"\nidle = \"" +
           idle + "\"\ninputs = [" + inputs + "]\n";
  };
  return "[pipeline]\nplugins = [\"windows\"]\non_error = \"drop\"\n" + settings + source("a", a) +
         source("b", b) +
         (together ? timed("t", "\"a\", \"b\"") : timed("ta", "\"a\"") + timed("tb", "\"b\"")) +
         "[transforms.windows]\ntype = \"tumble\"\ninputs = " +
         (together ? "[\"t\"]" : "[\"ta\", \"tb\"]") +
         "\n[sinks.lines]\ntype = \"collect\"\ninputs = [\"windows\"]\ninto = \"lines\"\n";
}
const std::vector<std::string> kFolders{FLOWRUN_PLUGIN_DIR};
constexpr const char* kFast = "'p 1 1', 'p 100 1', 'wait go', 'p 200 1', 'p 400 1'";

double waited(Flow& flow, const std::string& source) {
  return flow.metric("flowrun_source_drift_wait_seconds_total", {"component=\"" + source + "\""});
}
double read_rows(Flow& flow, const std::string& source) {
  return flow.metric("flowrun_component_rows_out_total", {"component=\"" + source + "\""});
}
// Until the source that is ahead is seen to wait; then it would have more to read.
void expect_held(Flow& flow) {
  ASSERT_TRUE(wait_until(kSoon, [&] { return waited(flow, "a") > 0; }));
  board("go").blocked = false;
  EXPECT_FALSE(
      wait_until(std::chrono::milliseconds(150), [&] { return read_rows(flow, "a") > 2; }));
  EXPECT_EQ(waited(flow, "b"), 0);
}

TEST_F(DriftFlow, SourceAheadWaitsUntilTheOtherHasCaughtUp) {
  for (const bool together : {false, true}) {
    clear_boards();
    for (const char* gate : {"go", "gate", "last"}) board(gate).blocked = true;
    Flow flow(pipeline(kFast, "'p 2 2', 'wait gate', 'p 150 2', 'wait last'", together),
              {.parallelism = 2}, kFolders);
    flow.start();
    expect_held(flow);
    board("gate").blocked = false;
    // 100 is not ahead of 150, nor is 200; 400 is.
    EXPECT_TRUE(wait_until(kSoon, [&] { return read_rows(flow, "a") >= 3; }));
    board("last").blocked = false;  // b ends: nobody waits for it
    EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
    EXPECT_EQ(read_rows(flow, "a"), 4);
    EXPECT_EQ(flow.metric("flowrun_unaccounted_rows"), 0);
  }
}

TEST_F(DriftFlow, NobodyWaitsForASourceThatHasEnded) {
  for (const bool together : {false, true}) {
    clear_boards();
    board("go").blocked = true;
    Flow flow(pipeline("'p 1 1', 'wait go', 'p 400 1', 'p 500 1', 'p 600 1'", "'p 2 2'", together),
              {.parallelism = 2}, kFolders);
    flow.start();
    EXPECT_TRUE(wait_until(kSoon, [&] { return read_rows(flow, "b") == 1; }));
    board("go").blocked = false;
    EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
    EXPECT_EQ(read_rows(flow, "a"), 4);
  }
}

TEST_F(DriftFlow, SilentSourceIsWaitedForUntilItIsIdle) {
  for (const char* gate : {"go", "last"}) board(gate).blocked = true;
  std::atomic<std::int64_t> clock{1'700'000'000 * kSecond};
  Flow flow(pipeline(kFast, "'p 2 2', 'wait last'", false, "", "30s"),
            {.parallelism = 2, .now = [&] { return clock.load(); }}, kFolders);
  flow.start();
  expect_held(flow);
  clock += 31 * kSecond;
  EXPECT_TRUE(wait_until(kSoon, [&] { return read_rows(flow, "a") == 4; }));
  board("last").blocked = false;
  EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
}

TEST_F(DriftFlow, SettingSaysHowFar) {
  for (const std::string most : {"0s", "1000s"}) {
    clear_boards();
    board("last").blocked = true;
    Flow flow(pipeline(kFast, "'p 2 2', 'wait last'", false, "max_drift = \"" + most + "\"\n"),
              {.parallelism = 2}, kFolders);
    flow.start();
    EXPECT_TRUE(wait_until(kSoon, [&] { return read_rows(flow, "a") == 4; }));
    EXPECT_EQ(waited(flow, "a"), 0);
    board("last").blocked = false;
    EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
  }
}

TEST_F(DriftFlow, BarriersAndStopsPassWhileASourceWaits) {
  for (const char* gate : {"go", "last"}) board(gate).blocked = true;
  const std::string folder = ::testing::TempDir() + "/flowrun_drift";
  std::filesystem::remove_all(folder);
  Flow flow(pipeline(kFast, "'p 2 2', 'wait last'"),
            {.parallelism = 2, .checkpoint_interval = kSecond / 50, .checkpoint_folder = folder},
            kFolders);
  flow.start();
  expect_held(flow);
  const std::uint64_t before = flow.pipeline().checkpoints();
  EXPECT_TRUE(wait_until(kSoon, [&] { return flow.pipeline().checkpoints() > before + 2; }));
  EXPECT_EQ(read_rows(flow, "a"), 2);
  flow.pipeline().stop("a test");
  EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
}

// A sink takes rows of any time: two flows that meet there only are strangers.
TEST_F(DriftFlow, SourcesThatMeetInASinkOnlyDoNotWait) {
  board("last").blocked = true;
  std::string text = pipeline(kFast, "'p 2 2', 'wait last'");
  const std::size_t windows = text.find("[transforms.windows]");
  text = text.substr(0, windows) +
         "[sinks.rows]\ntype = \"collect\"\ninputs = [\"ta\", \"tb\"]\ninto = \"rows\"\n";
  Flow flow(text, {.parallelism = 2}, kFolders);
  flow.start();
  EXPECT_TRUE(wait_until(kSoon, [&] { return read_rows(flow, "a") == 4; }));
  board("last").blocked = false;
  EXPECT_EQ(flow.wait().outcome, Outcome::kFinished);
  EXPECT_EQ(waited(flow, "a"), 0);
}

}  // namespace
}  // namespace flowrun::graph_test::drift_test
