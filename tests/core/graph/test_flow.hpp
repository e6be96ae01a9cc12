// Operators inside the test program, and what tests of running pipelines have in common.
//
// Rows have the integer columns of Row. `path` names the way that a row took: every operator mixes
// its own `tag` into it, so that an expected result can be worked out row by row.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/config/binding.hpp"
#include "core/graph/pipeline.hpp"
#include "core/observe/health.hpp"
#include "core/observe/metrics.hpp"
#include "core/plugin/registry.hpp"

namespace flowrun::graph_test {

struct Row {
  std::int64_t id = 0;  // unique in a pipeline; copies of a row share it
  std::int64_t path = 0;
  std::int64_t source = 0;
  std::int64_t part = 0;  // partition of the source
  std::int64_t seq = 0;   // ascending in a partition
  std::int64_t copy = 0;
  std::int64_t key = 0;
  auto operator<=>(const Row&) const = default;  // NOLINT(modernize-use-nullptr): clang 14 errs
};

std::uint64_t mix(std::uint64_t a, std::uint64_t b);
inline std::int64_t mixed_path(std::int64_t path, std::int64_t tag) {
  return static_cast<std::int64_t>(
      mix(static_cast<std::uint64_t>(path), static_cast<std::uint64_t>(tag)) >> 1);
}

// Row `number` of a `numbers` source.
Row source_row(std::int64_t source, std::int64_t seed, std::int64_t number);

// What a `step` does with a row: a number from 0 to 99 is below `drop`, or `drop + fail`.
enum class Fate { kOut, kOther, kDrop, kFail };
Fate fate_of(const Row& row, std::int64_t tag, std::int64_t drop, std::int64_t fail,
             std::int64_t other);
// How many copies an `amplify` makes.
std::int64_t copies_of(const Row& row, std::int64_t tag, std::int64_t most);

// What sinks have seen, and how tests tell them what to do; by the sinks' option `into`.
struct Board {
  std::mutex mutex;
  std::vector<Row> rows;                        // guarded by mutex
  std::map<std::string, std::int64_t> letters;  // failed rows: "component|reason|message"
  std::vector<std::uint64_t> prepared;
  std::vector<std::uint64_t> committed;
  std::vector<std::string> trouble;  // what an operator found wrong
  std::vector<std::string> lines;    // of rows that have a `line`
  std::int64_t sum = 0;              // of `number`, of rows that have one
  int closed_drained = 0, closed_undrained = 0, opened = 0;
  std::atomic<std::int64_t> delivered{0};
  std::atomic<bool> blocked{false};   // process() waits while it is set, or until stopping()
  std::atomic<bool> refusing{false};  // process() throws Retry while it is set
  std::atomic<std::int64_t> refused{0};
  std::atomic<std::int64_t> waits{0};  // of a `store`'s thread
};
Board& board(const std::string& name);  // made when first asked for
void clear_boards();

const flow_plugin& test_flow_plugin();

// A pipeline of these operators.
class Flow {
 public:
  // Throws std::runtime_error with all that is wrong. `folders`: where plugins that the text names
  // are found.
  explicit Flow(const std::string& toml, RunSettings settings = {},
                const std::vector<std::string>& folders = {});

  // Runs to the end on this thread.
  RunResult run();
  // Starts to run on a thread of its own; `wait` for the result.
  void start();
  RunResult wait();
  bool is_running() const { return running_.load(); }

  Pipeline& pipeline() { return *pipeline_; }
  MetricsRegistry& metrics() { return metrics_; }
  // The value of a series, by its whole name with labels' parts; sums all lines that match.
  double metric(const std::string& name, const std::vector<std::string>& parts = {});

  ~Flow();

 private:
  Registry registry_;
  BoundPipeline bound_;
  MetricsRegistry metrics_;
  Health health_;
  std::unique_ptr<Pipeline> pipeline_;
  std::thread thread_;
  RunResult result_;
  std::atomic<bool> running_{false};
};

// Ends the test program with a message when a test takes longer: a pipeline that hangs.
class Watchdog {
 public:
  Watchdog(std::chrono::seconds limit, std::string what);
  ~Watchdog();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

// True as soon as `ready`, false after `limit`.
bool wait_until(std::chrono::milliseconds limit, const std::function<bool()>& ready);

// FLOWRUN_TEST_SEED, or another one each time; printed.
std::uint64_t test_seed(const char* what);

}  // namespace flowrun::graph_test
