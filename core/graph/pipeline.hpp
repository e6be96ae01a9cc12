// A pipeline that can be run, once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/config/binding.hpp"
#include "core/observe/health.hpp"
#include "core/observe/ledger.hpp"
#include "core/observe/metrics.hpp"
#include "core/observe/progress.hpp"

namespace flowrun {

struct RunSettings {
  int parallelism = 0;                          // 0: as the file says; there 0: one a core
  std::int64_t drain_timeout = 30'000'000'000;  // nanoseconds from stop() until abort()
  std::int64_t checkpoint_interval = 0;         // nanoseconds; 0: as the file says, or none
  std::function<std::int64_t()> now{};          // nanoseconds since 1970; empty: the system's clock
  // Where checkpoints are kept, and what a run goes on from; empty: they are not kept, so that a
  // run begins at the start.
  std::string checkpoint_folder{};
  std::size_t checkpoints_kept = 3;
  std::int64_t journal_limit = std::int64_t{1} << 30;  // bytes of a source's journal
  bool fresh = false;             // begin at the start all the same; what was kept is removed
  bool allow_state_loss = false;  // go on even if the state of a component is of no use any more
  // Called once, by a thread of the pipeline, when a source has come to its end and no row is on
  // its way any more. Not called if the run ends first.
  std::function<void()> input_read{};
};

// Going on would lose state, and allow_state_loss is not set. The message names all of it.
struct StateLossError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Outcome {
  kFinished,  // every source ended, or was stopped, and everything was delivered
  kFailed,    // see message
  kAborted    // stopped at once, or the drain took too long: rows may be left behind
};

struct RunResult {
  Outcome outcome = Outcome::kFinished;
  std::string message;
  std::uint64_t rows_left = 0;  // that came in and were not dealt with
};

class Pipeline {
 public:
  // Creates and opens every component, and gives each its state back. Throws ConfigurationError
  // with all mistakes in options that the columns show as far as they are known, before any output
  // is opened; std::runtime_error naming the component that refuses; and StateLossError.
  // `bound`, `metrics` and `health` must outlive the pipeline; add_dead_letter_sink was called.
  Pipeline(const BoundPipeline& bound, MetricsRegistry& metrics, Health& health,
           RunSettings settings = {});
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Runs to the end. The calling thread becomes one of the workers. Once.
  RunResult run();

  // Stops the sources; what is in flight is delivered. [any]
  void stop(const std::string& reason);
  // Stops everything at once. [any]
  void abort();

  const PipelineLedger& ledger() const;
  ProgressSnapshot progress() const;
  std::int64_t memory_used() const;
  std::int64_t memory_peak() const;
  std::uint64_t checkpoints() const;
  int parallelism() const;

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace flowrun
