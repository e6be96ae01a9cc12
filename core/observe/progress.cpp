#include "core/observe/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <utility>
#include <vector>

#include "core/observe/log.hpp"
#include "core/observe/text.hpp"
#include "flow/thread_name.hpp"
#include "flow/utf8.hpp"

namespace flowrun {
namespace {

constexpr int kLongWindow = 5;  // times the window, for the time left
constexpr double kMebibyte = 1024.0 * 1024.0;

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// A count that may have been set back between two snapshots gives no negative rate.
double rate(std::uint64_t before, std::uint64_t now, double elapsed) {
  return now > before && elapsed > 0 ? static_cast<double>(now - before) / elapsed : 0.0;
}

// Three digits that matter: 412,345 rows/s would flicker, 412,000 can be read.
std::uint64_t rounded(double value) {
  if (value < 1000) return static_cast<std::uint64_t>(std::llround(std::max(value, 0.0)));
  const double unit = std::pow(10.0, std::floor(std::log10(value)) - 2);
  return static_cast<std::uint64_t>(std::llround(std::round(value / unit) * unit));
}

std::string byte_rate(double bytes) {
  constexpr std::pair<double, const char*> kUnits[] = {{1e9, "GB/s"}, {1e6, "MB/s"}, {1e3, "kB/s"}};
  for (const auto& [unit, name] : kUnits) {
    if (bytes < unit) continue;
    const double value = bytes / unit;
    return value < 10 ? fmt::format("{:.1f} {}", value, name)
                      : fmt::format("{:.0f} {}", value, name);
  }
  return fmt::format("{:.0f} B/s", bytes);
}

std::string memory(const ProgressSnapshot& now) {
  const double used = static_cast<double>(now.memory_used) / kMebibyte;
  if (now.memory_limit == 0) return fmt::format("memory {:.0f} MiB", used);
  const double limit = static_cast<double>(now.memory_limit) / kMebibyte;
  return fmt::format("memory {:.0f}/{:.0f} MiB", used, limit);
}

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  const int parsed = columns == nullptr ? 0 : std::atoi(columns);
  return parsed > 0 ? static_cast<std::size_t>(parsed) : 80;
}

}  // namespace

ProgressRates ProgressMeter::update(const ProgressSnapshot& now) {
  while (!history_.empty() && history_.back().elapsed >= now.elapsed) history_.pop_back();
  // The oldest snapshot kept is the newest one at least a long window back, if there is one.
  while (history_.size() > 1 && now.elapsed - history_[1].elapsed >= kLongWindow * window_) {
    history_.pop_front();
  }
  ProgressSnapshot start;  // before the first: nothing at time zero
  ProgressSnapshot recent = start;
  if (!history_.empty() && now.elapsed - history_.front().elapsed >= kLongWindow * window_) {
    start = history_.front();
  }
  for (const ProgressSnapshot& past : history_) {
    if (now.elapsed - past.elapsed >= window_) recent = past;
  }
  history_.push_back(now);
  const double short_time = seconds(now.elapsed - recent.elapsed);
  return {rate(recent.rows, now.rows, short_time), rate(recent.bytes, now.bytes, short_time),
          rate(start.read_bytes, now.read_bytes, seconds(now.elapsed - start.elapsed))};
}

std::optional<double> percent_done(const ProgressSnapshot& now) {
  if (now.total_bytes == 0) return std::nullopt;
  const double share = static_cast<double>(now.read_bytes) / static_cast<double>(now.total_bytes);
  return std::min(100.0, 100.0 * share);
}

std::optional<double> seconds_left(const ProgressSnapshot& now, const ProgressRates& rates) {
  if (now.total_bytes == 0) return std::nullopt;
  if (now.read_bytes >= now.total_bytes) return 0.0;
  if (rates.read_bytes <= 0) return std::nullopt;
  return static_cast<double>(now.total_bytes - now.read_bytes) / rates.read_bytes;
}

std::string format_duration(double seconds) {
  if (!(seconds < 1e9)) return "a very long time";
  const auto whole = static_cast<std::uint64_t>(std::llround(std::max(seconds, 0.0)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
  return fmt::format("{} d {} h", whole / 86400, whole % 86400 / 3600);
}

std::string format_progress(const ProgressSnapshot& now, const ProgressRates& rates,
                            std::size_t columns) {
  struct Part {
    std::string text;
    int weight;  // the lightest goes first where room is short
  };
  std::vector<Part> parts = {{with_thousands(now.rows) + (now.rows == 1 ? " row" : " rows"), 9},
                             {with_thousands(rounded(rates.rows)) + " rows/s", 6},
                             {byte_rate(rates.bytes), 3},
                             {memory(now), 4}};
  if (const std::optional<double> percent = percent_done(now)) {
    parts.push_back({fmt::format("{:.0f} %", std::floor(*percent)), 8});
  }
  if (const std::optional<double> left = seconds_left(now, rates)) {
    parts.push_back({format_duration(*left) + " left", 7});
  }
  if (!now.blocked.empty()) {
    std::string text = "waiting: ";
    append_printable(text, now.blocked);
    parts.push_back({std::move(text), 5});
  }
  for (;;) {
    std::string line;
    for (const Part& part : parts) {
      if (!line.empty()) line += "  ";
      line += part.text;
    }
    // A component's id may be of any script.
    if (flow::utf8_length(line) <= columns) return line;
    if (parts.size() == 1) return line.substr(0, columns);  // digits and ASCII only
    parts.erase(std::min_element(parts.begin(), parts.end(),
                                 [](const Part& a, const Part& b) { return a.weight < b.weight; }));
  }
}

ProgressReporter::ProgressReporter(Options options, std::function<ProgressSnapshot()> snapshot)
    : options_(options),
      snapshot_(std::move(snapshot)),
      meter_(options.terminal ? std::chrono::seconds(2) : options.log_interval) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);  // signals belong to the main program
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] {
      flow::name_thread("progress");
      run();
    });
  } catch (...) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

ProgressReporter::~ProgressReporter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_one();
  thread_.join();
  if (options_.terminal) log::status_line("");
}

void ProgressReporter::run() {
  const auto interval = options_.terminal ? options_.terminal_interval : options_.log_interval;
  auto next = std::chrono::steady_clock::now() + interval;
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_until(lock, next, [this] { return stop_; })) {
    lock.unlock();
    report();
    next = std::max(next + interval, std::chrono::steady_clock::now());
    lock.lock();
  }
}

void ProgressReporter::report() {
  const ProgressSnapshot now = snapshot_();
  const ProgressRates rates = meter_.update(now);
  if (options_.terminal) {
    // A line that fills the last column would wrap on some terminals.
    const std::size_t columns = options_.columns != 0 ? options_.columns : terminal_columns() - 1;
    log::status_line(format_progress(now, rates, columns));
    return;
  }
  std::vector<log::Field> fields = {{"rows", now.rows},
                                    {"rows_per_second", rounded(rates.rows)},
                                    {"bytes_per_second", rounded(rates.bytes)},
                                    {"memory_bytes", now.memory_used},
                                    {"memory_limit_bytes", now.memory_limit},
                                    {"elapsed_seconds", std::floor(seconds(now.elapsed))}};
  if (const auto percent = percent_done(now)) fields.push_back({"percent", std::floor(*percent)});
  if (const auto left = seconds_left(now, rates)) {
    fields.push_back({"seconds_left", std::round(*left)});
  }
  if (!now.blocked.empty()) fields.push_back({"waiting", now.blocked});
  log::write(log::Level::kInfo, "Running.", std::span<const log::Field>(fields));
}

}  // namespace flowrun
