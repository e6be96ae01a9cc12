#include "core/observe/progress.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/observe/log.hpp"

namespace flowrun::progress_test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMebibyte = 1024 * 1024;

ProgressSnapshot example() {
  ProgressSnapshot now;
  now.rows = 1234567;
  now.bytes = 380000000;
  now.memory_used = 34 * kMebibyte;
  now.memory_limit = 256 * kMebibyte;
  now.total_bytes = 1000;
  now.read_bytes = 455;
  now.elapsed = 3s;
  return now;
}

constexpr ProgressRates kRates = {412345.6, 126400000.0, 45.0};

TEST(ProgressTest, LineShowsRowsRatesMemoryAndTimeLeft) {
  EXPECT_EQ(format_progress(example(), kRates, 100),
            "1,234,567 rows  412,000 rows/s  126 MB/s  memory 34/256 MiB  45 %  12 s left");
}

TEST(ProgressTest, EndlessInputHasNoPercentAndNoTimeLeft) {
  ProgressSnapshot now = example();
  now.total_bytes = 0;
  now.memory_limit = 0;
  now.rows = 1;
  EXPECT_EQ(format_progress(now, {0.4, 999, 0}, 100), "1 row  0 rows/s  999 B/s  memory 34 MiB");
}

TEST(ProgressTest, WaitingEdgeIsNamedAndCannotSteerTheTerminal) {
  ProgressSnapshot now = example();
  now.blocked = "parsed -> \x1B[2Jindex";
  EXPECT_TRUE(
      format_progress(now, kRates, 200).ends_with("left  waiting: parsed -> \\x1b[2Jindex"));
}

TEST(ProgressTest, LeastImportantPartsGoFirstInANarrowTerminal) {
  ProgressSnapshot now = example();
  now.blocked = "a -> b";
  EXPECT_EQ(format_progress(now, kRates, 79),
            "1,234,567 rows  412,000 rows/s  45 %  12 s left  waiting: a -> b");
  EXPECT_EQ(format_progress(now, kRates, 50), "1,234,567 rows  412,000 rows/s  45 %  12 s left");
  EXPECT_EQ(format_progress(now, kRates, 30), "1,234,567 rows  45 %");
  EXPECT_EQ(format_progress(now, kRates, 14), "1,234,567 rows");
  EXPECT_EQ(format_progress(now, kRates, 5), "1,234");
  for (std::size_t columns = 1; columns < 120; ++columns) {
    EXPECT_LE(format_progress(now, kRates, columns).size(), columns);
  }
}

TEST(ProgressTest, TimeLeftFollowsFromWhatIsUnread) {
  ProgressSnapshot now = example();
  EXPECT_NEAR(seconds_left(now, kRates).value(), 545 / 45.0, 1e-9);
  EXPECT_EQ(seconds_left(now, {0, 0, 0}), std::nullopt) << "nothing moves";
  now.read_bytes = 1001;
  EXPECT_EQ(seconds_left(now, kRates), 0.0);
  EXPECT_EQ(percent_done(now), 100.0);
  now.total_bytes = 0;
  EXPECT_EQ(seconds_left(now, kRates), std::nullopt);
  EXPECT_EQ(percent_done(now), std::nullopt);
}

TEST(ProgressTest, PercentIsNotRoundedUpToDone) {
  ProgressSnapshot now = example();
  now.read_bytes = 999;
  EXPECT_NE(format_progress(now, kRates, 100).find("  99 %"), std::string::npos);
}

TEST(ProgressTest, DurationsReadAsPeopleSayThem) {
  EXPECT_EQ(format_duration(0.2), "0 s");
  EXPECT_EQ(format_duration(59.4), "59 s");
  EXPECT_EQ(format_duration(185), "3 min 05 s");
  EXPECT_EQ(format_duration(3840), "1 h 04 min");
  EXPECT_EQ(format_duration(2 * 86400 + 3 * 3600), "2 d 3 h");
  EXPECT_EQ(format_duration(1e300), "a very long time");
}

TEST(ProgressTest, RatesFollowTheLastSecondsOnly) {
  ProgressMeter meter(2s);
  ProgressSnapshot now;
  ProgressRates rates;
  for (int tick = 1; tick <= 100; ++tick) {  // 20 s at 1000 rows/s, then it stops
    now.elapsed = tick * 200ms;
    now.rows += 200;
    now.read_bytes += 20;
    rates = meter.update(now);
  }
  EXPECT_NEAR(rates.rows, 1000, 1);
  EXPECT_NEAR(rates.read_bytes, 100, 1);
  for (int tick = 101; tick <= 110; ++tick) {
    now.elapsed = tick * 200ms;
    rates = meter.update(now);
  }
  EXPECT_NEAR(rates.rows, 0, 1);
  EXPECT_NEAR(rates.read_bytes, 80, 1) << "the time left looks back five times as far";
}

TEST(ProgressTest, FirstRateCountsFromTheStart) {
  ProgressMeter meter;
  ProgressSnapshot now;
  now.rows = 100;
  now.elapsed = 500ms;
  EXPECT_NEAR(meter.update(now).rows, 200, 1e-6);
}

TEST(ProgressTest, CountsThatGoBackGiveNoNegativeRate) {
  ProgressMeter meter(1s);
  ProgressSnapshot now;
  now.rows = 100;
  now.elapsed = 1s;
  meter.update(now);
  now.rows = 50;
  now.elapsed = 3s;
  EXPECT_EQ(meter.update(now).rows, 0);
}

class ProgressReporterTest : public testing::Test {
 protected:
  ProgressReporterTest() {
    log::configure({log::Format::kJson, log::Level::kInfo});
    log::redirect([this](std::string_view line) {
      const std::lock_guard lock(lines_mutex_);
      lines_.emplace_back(line);
    });
  }
  ~ProgressReporterTest() override {
    log::redirect(nullptr);
    log::configure({});
  }

  // Waits for the reporter to have written; false after ten seconds without.
  bool wait_for_lines(std::size_t count) {
    for (int time = 0; time < 2000; ++time) {
      {
        const std::lock_guard lock(lines_mutex_);
        if (lines_.size() >= count) return true;
      }
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }

  std::mutex lines_mutex_;
  std::vector<std::string> lines_;  // guarded by lines_mutex
};

TEST_F(ProgressReporterTest, TerminalLineIsRewrittenAndRemovedAtTheEnd) {
  {
    ProgressReporter::Options options;
    options.terminal = true;
    options.columns = 20;
    options.terminal_interval = 1ms;
    std::uint64_t rows = 0;
    const ProgressReporter reporter(options, [&rows] {
      ProgressSnapshot now;
      now.rows = ++rows;
      now.elapsed = std::chrono::seconds(rows);
      return now;
    });
    ASSERT_TRUE(wait_for_lines(2));
  }
  EXPECT_EQ(lines_[0], "\r\x1b[K1 row  1 rows/s");
  EXPECT_TRUE(lines_[1].starts_with("\r\x1b[K2 rows")) << lines_[1];
  EXPECT_EQ(lines_.back(), "\r\x1b[K");
}

TEST_F(ProgressReporterTest, WithoutATerminalProgressIsLogged) {
  {
    ProgressReporter::Options options;
    options.log_interval = 1ms;
    const ProgressReporter reporter(options, [] { return example(); });
    ASSERT_TRUE(wait_for_lines(1));
  }
  EXPECT_NE(lines_[0].find(R"("message":"Running.","rows":1234567,"rows_per_second":412000,)"),
            std::string::npos)
      << lines_[0];
  EXPECT_NE(lines_[0].find(R"("percent":45,"seconds_left":4})"), std::string::npos) << lines_[0];
}

TEST_F(ProgressReporterTest, EndsAtOnceWhileItWaits) {
  const auto start = std::chrono::steady_clock::now();
  {
    const ProgressReporter reporter({}, [] { return example(); });
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_TRUE(lines_.empty());
}

}  // namespace
}  // namespace flowrun::progress_test
