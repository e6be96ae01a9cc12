// How far a run has come: one line on a terminal, a log line now and then elsewhere.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace flowrun {

struct ProgressSnapshot {
  std::uint64_t rows = 0;   // that left the sources
  std::uint64_t bytes = 0;  // the same
  std::uint64_t memory_used = 0;
  std::uint64_t memory_limit = 0;  // 0: none
  std::uint64_t total_bytes = 0;   // of a finite input; 0: not known
  std::uint64_t read_bytes = 0;    // of total_bytes
  std::chrono::nanoseconds elapsed{0};
  std::string blocked;  // the edge that waits now, eg: "parsed -> index"; empty: none
};

// What the last few snapshots say together.
struct ProgressRates {
  double rows = 0;        // a second
  double bytes = 0;       // a second
  double read_bytes = 0;  // a second, over a longer time: for the time left
};

// Rates over a sliding window, so that the line is steady and yet follows.
class ProgressMeter {
 public:
  // How far back rates look: `window` for what is shown, five times that for the time left.
  explicit ProgressMeter(std::chrono::nanoseconds window = std::chrono::seconds(2))
      : window_(window) {}

  ProgressRates update(const ProgressSnapshot& now);

 private:
  std::chrono::nanoseconds window_;
  std::deque<ProgressSnapshot> history_;
};

// Percentage of a finite input, at most 100; nothing when the total is not known.
std::optional<double> percent_done(const ProgressSnapshot& now);

// Seconds until a finite input is read; nothing when the total is not known or nothing moves.
std::optional<double> seconds_left(const ProgressSnapshot& now, const ProgressRates& rates);

// "12 s", "3 min 05 s", "1 h 04 min", "2 d 3 h"
std::string format_duration(double seconds);

// "1,234,567 rows  412,000 rows/s  126 MB/s  memory 34/256 MiB  45 %  12 s left"
// in at most `columns` characters: where that is too narrow, the least important parts go first.
std::string format_progress(const ProgressSnapshot& now, const ProgressRates& rates,
                            std::size_t columns);

// Reports from construction to destruction, from a thread of its own. On a terminal a status line
// (log::status_line) every 200 ms, which is removed at the end; else one log line every 10 s.
class ProgressReporter {
 public:
  struct Options {
    bool terminal = false;    // as log::has_status_line() says
    std::size_t columns = 0;  // 0: as wide as the terminal
    std::chrono::nanoseconds terminal_interval = std::chrono::milliseconds(200);
    std::chrono::nanoseconds log_interval = std::chrono::seconds(10);
  };

  // `snapshot` is called by the reporter's thread and must not throw.
  ProgressReporter(Options options, std::function<ProgressSnapshot()> snapshot);
  ~ProgressReporter();
  ProgressReporter(const ProgressReporter&) = delete;
  ProgressReporter& operator=(const ProgressReporter&) = delete;

 private:
  void run();
  void report();

  const Options options_;
  const std::function<ProgressSnapshot()> snapshot_;
  ProgressMeter meter_;  // of the thread
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace flowrun
