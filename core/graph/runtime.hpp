// What all nodes of a running pipeline share.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/config/binding.hpp"
#include "core/graph/drift.hpp"
#include "core/observe/health.hpp"
#include "core/observe/ledger.hpp"
#include "core/observe/metrics.hpp"
#include "flow/host/memory.hpp"
#include "flow/host/state.hpp"

namespace flowrun {

// Sources emit while usage is below this share of memory_limit.
inline constexpr double kSourceShare = 0.75;

// Wakes whoever waits for something to change: memory, messages in flight, the state of the run.
// Waiters look again after `kLongest` in any case, so a missed call costs time, not correctness.
class Signal {
 public:
  void notify() {
    {
      const std::lock_guard lock(mutex_);
      ++changes_;
    }
    changed_.notify_all();
  }
  // Until `ready` or, with true, until `longest` has passed.
  template <class Ready, class Time>
  bool wait_for(Time longest, Ready ready) {
    std::unique_lock lock(mutex_);
    const std::uint64_t before = changes_;
    if (ready()) return true;
    changed_.wait_for(lock, longest, [&] { return changes_ != before; });
    return ready();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t changes_ = 0;
};

// A component of the pipeline: what its instances share on the engine's side.
struct ComponentRuntime {
  std::string id;
  std::string type;
  const BoundComponent* bound = nullptr;
  const ComponentSpecification* specification = nullptr;
  ComponentLedger* ledger = nullptr;
  ComponentMetrics* metrics = nullptr;
  bool is_dead_letter = false;
  // Gives the instance that is being made its keyed state back, before it is opened. Empty: it has
  // none.
  std::function<void(flow::host::StateStore&)> fill_state;
  // What a source says of its input, for the progress line and the lag: through the gauges
  // "source_bytes_total" and "source_bytes_read".
  std::atomic<double> bytes_total{0}, bytes_read{0};
};

struct Runtime {
  Runtime(MetricsRegistry& metrics_registry, Health& health_state, PipelineLedger& pipeline_ledger)
      : metrics(metrics_registry), health(health_state), ledger(pipeline_ledger) {}

  MetricsRegistry& metrics;
  Health& health;
  PipelineLedger& ledger;
  flow::host::MemoryAccount account;
  // Of keyed state, which is beside memory_limit.
  flow::host::MemoryAccount state_account;
  flow::host::StateMemory state_memory{state_account, 0};
  std::int64_t memory_limit = 0;
  std::int64_t in_flight = 0;
  std::int64_t batch_rows = INT64_MAX;  // more rows than this leave a source in several batches
  std::string configuration;            // hash of the pipeline file, in hex: for dead letters
  std::function<std::int64_t()> now;    // nanoseconds since 1970
  bool checkpointing = false;           // barriers run, and sinks commit
  bool is_trial = false;                // instances are opened, and nothing else
  bool stores_checkpoints = false;      // what a run leaves undone, the next one goes on with
  std::uint64_t newest_checkpoint = 0;  // of the runs before; 0: none

  Signal signal;
  // How many inputs have been set aside until rows leave the pipeline; while there is none, of the
  // rows that do only sources are told.
  std::atomic<int> waiting_for_room{0};
  std::atomic<int> waiting_for_others{0};  // sources that are ahead of others in event time
  std::atomic<bool> stopping{false};       // sources stop, everything else drains
  std::atomic<bool> aborted{false};        // everything stops at once
  // Made with the nodes; sources by their number.
  std::unique_ptr<Drift> drift;
  // When a source was last made to wait by the flow itself: nanoseconds since 1970.
  std::atomic<std::int64_t> held_up{INT64_MIN};

  // The first failure stops everything at once. [any]
  void fail(const std::string& component, const std::string& message);
  bool has_failed() const { return failed_.load(std::memory_order_acquire); }
  std::string failure() const;

  // The run is stopped, and another one goes on with it: nothing that is under way is finished.
  bool pausing() const { return stores_checkpoints && stopping.load(); }

  bool memory_free() const { return account.used() < memory_limit; }

 private:
  mutable std::mutex failure_mutex_;
  std::string failure_;
  std::atomic<bool> failed_{false};
};

}  // namespace flowrun
