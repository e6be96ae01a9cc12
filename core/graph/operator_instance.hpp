// One instance of an operator, and the flow_host that it sees.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/graph/batch_size.hpp"
#include "core/graph/message.hpp"
#include "core/graph/refusal.hpp"
#include "core/graph/runtime.hpp"
#include "core/graph/timers.hpp"
#include "core/graph/watermarks.hpp"
#include "flow/batch.hpp"
#include "flow/host/state.hpp"
#include "flow/output.hpp"

namespace flowrun {

// A row that left by `errors`, with what its dead letter needs.
struct FailedRow {
  std::string reason, message, record;
  const char* source = nullptr;
  std::optional<std::string> partition;
  std::int64_t position = -1;  // -1: not known
  bool has_record = false;
};

// Where an instance's output goes; implemented by the node that owns it.
class Outlet {
 public:
  virtual ~Outlet() = default;
  virtual std::int64_t room(std::size_t step, std::uint32_t port) = 0;
  virtual void emit(std::size_t step, std::uint32_t port, flow::Batch batch) = 0;
  // A row left by `errors`.
  virtual void failed(std::size_t /*step*/, const flow_batch* /*batch*/, std::int64_t /*row*/) {}
  // Sources only.
  // `flags`: of flow_host.emit_from.
  virtual void emit_from(const flow_batch* /*batch*/, const std::string& /*partition*/,
                         const std::string& /*position*/, std::uint32_t /*flags*/) {}
  virtual void offer(const std::string& /*partition*/) {}
  // A deferred input is settled. [any]
  virtual void settled(std::size_t /*step*/) {}
};

// Times calls that follow each other with one look at the clock each: what the engine does between
// two of them counts with the second.
class Stopwatch {
 public:
  void restart() { since_ = Clock::now(); }
  // Seconds since the last lap, or the start.
  double lap() {
    const Clock::time_point now = Clock::now();
    return std::chrono::duration<double>(now - std::exchange(since_, now)).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point since_ = Clock::now();
};

// How the rows of a step count in the ledger of its component.
enum class Accounting {
  kOperator,  // in = passed + dropped + failed + late + absorbed
  kSource,    // emitted rows are created
  kDecoder,   // the source's rows begin here: in = emitted + dropped + failed
  kEncoder,   // the sink counts what passes; here only what ends counts
  kSink       // in = delivered + dropped + failed
};

// The flow_host for flow_plugin::create, which only makes, logs and measures.
class OperatorHost {
 public:
  OperatorHost(Runtime& runtime, ComponentRuntime& component);
  OperatorHost(const OperatorHost&) = delete;
  OperatorHost& operator=(const OperatorHost&) = delete;
  const flow_host* abi() const { return &abi_; }
  const std::string& error() const { return error_; }
  // The option that error() is about, where the operator named it.
  const std::optional<OptionProblem>& option_problem() const { return option_problem_; }
  // Both, to be thrown.
  Refusal refusal() const {
    return Refusal(error_.empty() ? "failed without a reason" : error_, option_problem_);
  }

 protected:
  static OperatorHost& self(const flow_host* host) {
    return *static_cast<OperatorHost*>(host->self);
  }
  static flow::host::MemoryAccount& account_of(const flow_host* host) {
    return self(host).runtime_.account;
  }

  Runtime& runtime_;
  ComponentRuntime& component_;
  static const void* extension_of(const flow_host* host, const char* id);

  flow_host abi_{};
  std::string error_;
  flow_checkpoints told_checkpoints_{sizeof(flow_checkpoints), 0, 0, 0};

 private:
  void install_observation();

  std::optional<OptionProblem> option_problem_;
};

// Calls answer with the operator's status. Not thread-safe but for the [any] functions of the host.
class OperatorInstance : private OperatorHost {
 public:
  // Makes the instance and opens it. Throws std::runtime_error with the operator's own words.
  OperatorInstance(Runtime& runtime, ComponentRuntime& component, flow_component* shared,
                   flow_role role, Accounting accounting, std::size_t step, Outlet& outlet);
  ~OperatorInstance();

  // Each of these is a lap of the stopwatch.
  flow_status process(std::uint32_t port, const flow::Batch& batch, const KeyShare* share,
                      Stopwatch& stopwatch);
  flow_status advance(std::int64_t watermark, Stopwatch& stopwatch);
  // Gives the operator the timers that fire, or the earliest ones of a kind up to `until`. Done and
  // `any` false: there are none.
  flow_status fire(flow_time kind, std::int64_t until, bool& any, Stopwatch& stopwatch);
  flow_status poll();
  flow_status close(bool drained);

  Timers& timers() { return timers_; }
  // NULL: the operator makes no watermarks.
  Watermarks* watermarks() { return watermarks_.get(); }

  flow_operator* abi() { return operator_; }
  flow::host::StateStore& state() { return state_; }
  // Whether the next prepare is the last of all; see flow_checkpoints.
  void tell_ending(bool ending) { told_checkpoints_.ending = ending ? 1 : 0; }
  ComponentRuntime& component() { return component_; }
  flow::Output& output() { return output_; }
  using OperatorHost::error;

  // The rows that failed since the last call, as a batch of dead letters. Empty reference: none.
  flow::Batch take_failures();
  // A source's batch that needs no decoder: its rows are created.
  void count_emission(const flow_batch& batch) { emitted(0, batch, batch.rows); }
  // Publishes what was counted since the last call as one step of the ledger; `epoch`: see
  // ComponentLedger.
  void publish(std::uint64_t epoch);
  // Deferred inputs that are not settled yet. [any]
  std::size_t outstanding() const { return outstanding_.load(); }
  std::int64_t outstanding_rows() const;
  // Emits and counts what has been settled since the last call.
  void collect_settled();

 private:
  struct Settled {
    std::uint64_t token;
    std::uint32_t port;
    flow::Batch passed;
    std::vector<std::int32_t> failed_rows;
    std::string reason, message;
  };
  static OperatorInstance& self(const flow_host* host) {
    return static_cast<OperatorInstance&>(OperatorHost::self(host));
  }
  void install_outcomes();
  void install_state();
  void install_time();
  static const void* time_extension_of(const flow_host* host, const char* id);
  void emitted(std::uint32_t port, const flow_batch& batch, std::int64_t created);
  void failed(const flow_batch& batch, std::int64_t row, const char* reason, const char* message);
  // Whether nobody counts the rows that come in, so that they count when they end.
  bool counts_only_outcomes() const {
    return accounting_ != Accounting::kOperator && accounting_ != Accounting::kSink;
  }
  template <class Body>
  void guarded(Body body);
  template <class Call>
  flow_status timed(Stopwatch& stopwatch, Call call);

  Accounting accounting_;
  std::size_t step_;
  Outlet& outlet_;
  flow::Output output_;
  flow_operator* operator_ = nullptr;
  LedgerDelta delta_;
  BatchBytes bytes_in_, bytes_out_;
  std::vector<FailedRow> failures_;
  const KeyShare* share_ = nullptr;
  flow_keys keys_{};
  flow::host::StateStore state_;
  Timers timers_;
  std::unique_ptr<Watermarks> watermarks_;

  std::atomic<std::size_t> outstanding_{0};  // how many are deferred
  mutable std::mutex deferred_mutex_;        // guards what follows
  std::uint64_t last_token_ = 0;
  std::map<std::uint64_t, flow::Batch> deferred_;
  std::vector<Settled> settled_;
};

}  // namespace flowrun
