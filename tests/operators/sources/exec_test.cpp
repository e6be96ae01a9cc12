#include "operators/sources/exec.hpp"

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "flow/testing/harness.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flow::operators::exec_test {
namespace {

using flow::testing::Emission;
using flow::testing::Harness;
using flow::testing::ScratchFolder;
using flow::testing::Setting;
using flow::testing::Settings;

constexpr int64_t kStart = 1'700'000'000'000'000'000;

// A command and what it gives; the clock is turned by hand.
class Command {
 public:
  explicit Command(const Settings& settings) : harness_(Harness::of<ExecSource>(settings)) {
    harness_.set_clock(kStart);
    harness_.assign("exec");
  }

  Harness& harness() { return harness_; }
  void pass(double seconds) {
    now_ += static_cast<int64_t>(seconds * 1e9);
    harness_.set_clock(kStart + now_);
  }
  // False after ten seconds.
  bool until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      if (ended_ || std::chrono::steady_clock::now() > deadline) return done();
      step();
    }
    return true;
  }
  bool until_end() {
    return until([this] { return ended_; });
  }
  bool until_runs_over(size_t n) {
    return until([this, n] { return ends_ >= n; });
  }
  size_t runs() { return static_cast<size_t>(harness_.metric("exec_runs")); }
  const std::string& bytes() const { return bytes_; }
  size_t ends() const { return ends_; }
  std::string log() {
    std::string text;
    for (const auto& [level, message] : harness_.host().logs) text += message + "\n";
    return text;
  }

  void step() {
    ended_ = harness_.poll() == FLOW_END;
    for (const Batch& batch : harness_.pull_batches()) bytes_ += TextView(batch.column(0))[0];
    for (const Emission& emission : std::exchange(harness_.host().emissions, {})) {
      ends_ += emission.end ? 1 : 0;
    }
  }

 private:
  Harness harness_;
  int64_t now_ = 0;
  bool ended_ = false;
  std::string bytes_;
  size_t ends_ = 0;
};

Settings shell(const std::string& line, Settings more = {}) {
  more.emplace_back("shell", line);
  return more;
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(ExecSource, OutputOfACommandComesAndTheSourceEnds) {
  Command command({{"command", Setting(std::vector<std::string>{"printf", "%s\\n", "a b", "$c"})}});
  EXPECT_TRUE(command.until_end());
  EXPECT_EQ(command.bytes(), "a b\n$c\n");
  EXPECT_EQ(command.ends(), 1U);
  EXPECT_EQ(command.harness().metric("exec_failures"), 0);
}

TEST(ExecSource, ShellLineIsRunByTheShell) {
  Command command(shell("printf 'b\\na\\n' | sort; printf rest"));
  EXPECT_TRUE(command.until_end());
  EXPECT_EQ(command.bytes(), "a\nb\nrest");
}

TEST(ExecSource, LongOutputIsComplete) {
  Command command(shell("seq 1 200000"));
  EXPECT_TRUE(command.until_end());
  EXPECT_EQ(command.bytes().size(), 1'288'895U);
  EXPECT_EQ(command.bytes().substr(command.bytes().size() - 7), "200000\n");
}

TEST(ExecSource, CommandHasNoInputAndDefaultSignals) {
  ::signal(SIGPIPE, SIG_IGN);
  Command command(shell("cat; yes | head -n 1; echo over"));
  EXPECT_TRUE(command.until_end());
  EXPECT_EQ(command.bytes(), "y\nover\n");
}

TEST(ExecSource, FailureIsLoggedCountedAndTriedAgainAfterAPauseThatDoubles) {
  Command command(
      shell("printf x; exit 3", {{"restart_delay", "1s"}, {"max_restart_delay", "4s"}}));
  EXPECT_TRUE(command.until_runs_over(1));
  EXPECT_HAS(command.log(), "exited with code 3; it is started again in ");
  EXPECT_EQ(command.harness().metric("exec_failures"), 1);
  EXPECT_EQ(command.harness().metric("exec_exit_code"), 3);
  size_t run = 1;
  for (const double longest : {1.0, 2.0, 4.0, 4.0}) {
    command.pass(longest * 0.49);
    for (int i = 0; i < 3; ++i) command.step();
    EXPECT_EQ(command.runs(), run) << "half of the pause is never left out";
    command.pass(longest * 0.52);
    EXPECT_TRUE(command.until_runs_over(++run));
  }
  EXPECT_EQ(command.bytes(), "xxxxx");
}

TEST(ExecSource, RunThatLastedMakesThePauseShortAgain) {
  const ScratchFolder scratch;
  const std::string wait = "while [ ! -e " + scratch.path("go") + " ]; do sleep 0.01; done; exit 1";
  Command command(shell(wait, {{"restart_delay", "1s"}, {"max_restart_delay", "100s"}}));
  scratch.write("go", "");
  for (size_t run = 1; run <= 5; ++run) {
    EXPECT_TRUE(command.until_runs_over(run));
    command.pass(101);
  }
  std::filesystem::remove(scratch.path("go"));
  EXPECT_TRUE(command.until([&] { return command.runs() == 6; }));
  command.pass(101);
  scratch.write("go", "");
  EXPECT_TRUE(command.until_runs_over(6));
  command.pass(1.01);
  EXPECT_TRUE(command.until_runs_over(7));
}

TEST(ExecSource, RestartSaysWhatHappensAtTheEnd) {
  Command never(shell("exit 1", {{"restart", "never"}}));
  EXPECT_TRUE(never.until_end());
  EXPECT_EQ(never.harness().metric("exec_failures"), 1);
  EXPECT_HAS(never.log(), "exited with code 1; it is not started again");
  Command always(shell("printf x", {{"restart", "always"}}));
  EXPECT_TRUE(always.until_runs_over(1));
  always.pass(1.01);
  EXPECT_TRUE(always.until_runs_over(2));
  EXPECT_EQ(always.bytes(), "xx");
}

TEST(ExecSource, IntervalRunsItPeriodicallyAndNeverTwiceAtATime) {
  Command command(shell("printf x", {{"interval", "60s"}}));
  EXPECT_TRUE(command.until_runs_over(1));
  command.pass(59);
  for (int i = 0; i < 3; ++i) command.step();
  EXPECT_EQ(command.runs(), 1U);
  command.pass(1.5);
  EXPECT_TRUE(command.until_runs_over(2));
  command.pass(300);
  EXPECT_TRUE(command.until_runs_over(3));
  for (int i = 0; i < 3; ++i) command.step();
  EXPECT_EQ(command.runs(), 3U) << "runs that were missed are not made up for";
}

TEST(ExecSource, SignalThatKillsItIsNamed) {
  Command command(shell("kill -KILL $$", {{"restart", "never"}}));
  EXPECT_TRUE(command.until_end());
  EXPECT_HAS(command.log(), "was killed by SIGKILL");
  EXPECT_EQ(command.harness().metric("exec_exit_code"), 137);
}

TEST(ExecSource, StandardErrorIsLoggedWithinLimits) {
  Command command(
      shell("echo trouble >&2; head -c 5000 /dev/zero | tr '\\0' z >&2; echo >&2; "
            "for i in $(seq 500); do echo line $i >&2; done; printf '\\377 last' >&2"));
  EXPECT_TRUE(command.until_end());
  const std::string log = command.log();
  EXPECT_HAS(log, "says: trouble\n");
  EXPECT_HAS(log, "zzz ...\n");
  EXPECT_LT(log.size(), 20'000U);
  EXPECT_HAS(log, "says: line 98\n");
  EXPECT_EQ(log.find("line 99\n"), std::string::npos);
  EXPECT_HAS(log, "wrote 403 more lines");
  EXPECT_EQ(command.bytes(), "");
}

TEST(ExecSource, InvalidUtf8OnStandardErrorIsRepairedInTheLog) {
  Command command(shell("printf '\\377last' >&2"));
  EXPECT_TRUE(command.until_end());
  EXPECT_HAS(command.log(), "says: \xEF\xBF\xBDlast\n");
}

TEST(ExecSource, StopKillsTheWholeGroup) {
  const ScratchFolder scratch;
  Command command(shell("sleep 100 & echo $! ; trap '' TERM; sleep 100; sleep 100",
                        {{"stop_timeout", "100ms"}}));
  EXPECT_TRUE(command.until([&] { return !command.bytes().empty(); }));
  const auto child = static_cast<pid_t>(std::stoi(command.bytes()));
  ASSERT_EQ(::kill(child, 0), 0);
  const auto begin = std::chrono::steady_clock::now();
  command.harness().close();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  bool gone = false;
  for (int i = 0; i < 1000 && !gone; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::ifstream status("/proc/" + std::to_string(child) + "/stat");
    std::string pid, name, state;
    gone = !(status >> pid >> name >> state) || state == "Z";
  }
  EXPECT_TRUE(gone);
}

TEST(ExecSource, WhatACommandLeavesRunningDoesNotHoldItsEndUp) {
  Command command(shell("sleep 100 & echo done"));
  EXPECT_TRUE(command.until_end());
  EXPECT_EQ(command.bytes(), "done\n");
}

TEST(ExecSource, CommandThatDoesNotExistStopsThePipelineAtOnce) {
  Command command({{"command", Setting(std::vector<std::string>{"/no/such/command"})}});
  try {
    command.step();
    FAIL();
  } catch (const std::runtime_error& refusal) {
    EXPECT_HAS(std::string(refusal.what()),
               "'/no/such/command' cannot be started: No such file or directory");
  }
}

TEST(ExecSource, CommandThatVanishesIsAFailureLikeOthers) {
  const ScratchFolder scratch;
  const std::string path = scratch.write("command", "#!/bin/sh\nexit 1\n");
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  Command command({{"command", Setting(std::vector<std::string>{path})}});
  EXPECT_TRUE(command.until_runs_over(1));
  std::filesystem::remove(path);
  command.pass(1.01);
  command.step();
  EXPECT_HAS(command.log(), "cannot be started: No such file or directory; it is started again");
  EXPECT_EQ(command.harness().metric("exec_failures"), 2);
}

TEST(ExecSource, OneOfCommandAndShellIsNeeded) {
  EXPECT_THROW(Harness::of<ExecSource>(), std::runtime_error);
  EXPECT_THROW(Harness::of<ExecSource>(
                   shell("true", {{"command", Setting(std::vector<std::string>{"true"})}})),
               std::runtime_error);
}

TEST(ExecSource, WakeEndsTheWait) {
  Command command(shell("sleep 100"));
  command.step();
  flow_operator* const source = command.harness().op();
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) {
    source->wake(source);
    command.step();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
}

}  // namespace
}  // namespace flow::operators::exec_test
