// A host for tests: keeps everything that one instance says.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "flow/host/data_plane.hpp"
#include "flow/host/key_hash.hpp"
#include "flow/host/state.hpp"
#include "flow/testing/table.hpp"

namespace flow::testing {

// A row that left by `errors`.
struct FailedRow {
  int64_t row;  // in the batch that was given to fail
  std::string reason;
  std::string message;
  bool retryable;
  std::string record;  // the row's original bytes, when its origin has them
};

// What a source said with one emit_from.
struct Emission {
  std::string partition;
  std::string position;
  bool end;
  int64_t rows = 0;
};

struct Timer {
  flow_time kind;
  int64_t nanoseconds;
  std::string key;
  uint64_t hash;
  int round = 0;  // at the end of a stream: set by one that fired of the round before
};

// Timers of one time, as an operator is given them.
struct DueTimers {
  int64_t nanoseconds = 0;
  std::vector<Timer> timers;  // by the bytes of their keys
  std::vector<flow_key> keys;
  std::vector<const flow_key*> pointers;
};

// What an operator said of the event time of one partition; "" of rows without an origin.
struct ToldWatermark {
  std::string source;
  std::string partition;
  int64_t watermark;
  bool operator==(const ToldWatermark&) const = default;
};

// Ports that an operator may emit on. A codec has the one that nobody names.
inline uint32_t output_count(const flow_descriptor& descriptor) {
  return descriptor.kind == FLOW_CODEC ? 1 : descriptor.n_outputs;
}

// The flow_host of one instance. Its clock stands still until it is set; room is unlimited until
// `limit_room`. Counters are plain members: read them when no call is under way and nothing is
// deferred. Batches may be kept longer than the host.
class TestHost {
 public:
  explicit TestHost(uint32_t outputs = 1) : emitted(outputs), state_(account, state_limit) {
    abi_.size = sizeof abi_;
    abi_.abi_minor = FLOW_ABI_MINOR;
    abi_.self = this;
    host::install_data_plane<account_of>(abi_);
    install_outcomes();
    install_state();
    install_observation();
  }
  TestHost(const TestHost&) = delete;
  TestHost& operator=(const TestHost&) = delete;

  const flow_host* abi() const { return &abi_; }
  Host host() const { return Host(&abi_); }
  // From now on room is `batches` on every port, less what is emitted until the next call;
  // negative: unlimited.
  void limit_room(int64_t batches) { room_limit_ = batches; }
  void start_call() {
    const std::lock_guard lock(mutex_);
    emitted_in_call_ = 0;
  }
  host::StateStore& state() { return state_; }
  // Takes out the timers of a kind with the earliest time up to `until`, the same one only once.
  // False: there are none. Give them to the operator, then call fired().
  bool take_due(flow_time kind, int64_t until, DueTimers& due) {
    due = DueTimers();
    due.nanoseconds = INT64_MAX;
    bool any = false;
    for (const Timer& timer : timers) {
      if (timer.kind != kind || timer.nanoseconds > until) continue;
      any = true;
      due.nanoseconds = std::min(due.nanoseconds, timer.nanoseconds);
    }
    if (!any) return false;
    firing_ = {};
    firing_.kind = kind;
    firing_.nanoseconds = due.nanoseconds;
    std::vector<Timer> rest;
    for (Timer& timer : timers) {
      if (timer.kind != kind || timer.nanoseconds != due.nanoseconds) {
        rest.push_back(std::move(timer));
      } else if (firing_.rounds.emplace(std::pair(timer.key, timer.hash), timer.round).second) {
        firing_.latest_round = std::max(firing_.latest_round, timer.round);
        due.timers.push_back(std::move(timer));
      }
    }
    timers = std::move(rest);
    firing_.ends = until == INT64_MAX;
    std::sort(due.timers.begin(), due.timers.end(),
              [](const Timer& a, const Timer& b) { return a.key < b.key; });
    for (const Timer& timer : due.timers) {
      due.keys.push_back({.size = sizeof(flow_key),
                          .length = static_cast<uint32_t>(timer.key.size()),
                          .hash = timer.hash,
                          .bytes = timer.key.data()});
    }
    for (const flow_key& key : due.keys) due.pointers.push_back(&key);
    return true;
  }
  void fired() { firing_ = {}; }
  // Waits until everything that was deferred is done. False: it took longer.
  bool settle(std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    std::unique_lock lock(mutex_);
    return settled_.wait_for(lock, limit, [this] { return deferred.empty(); });
  }

  host::MemoryAccount& account = host::immortal_account();
  std::vector<std::vector<Batch>> emitted;  // by port
  std::vector<Emission> emissions;
  std::vector<FailedRow> failed;
  std::vector<Batch> late;
  std::map<std::string, int64_t> dropped;  // rows by reason
  int64_t passed = 0;                      // emitted rows that are not new
  int64_t created = 0;
  int64_t absorbed = 0;
  int64_t late_rows = 0;
  int64_t room_violations = 0;      // batches emitted without room
  std::vector<std::string> misuse;  // calls that no operator may make
  std::map<std::string, double> metrics;
  std::vector<std::pair<flow_log_level, std::string>> logs;
  std::string error;
  std::vector<std::string> offered;
  std::vector<Timer> timers;
  std::vector<ToldWatermark> watermarks;
  int64_t idle = -1;  // what FLOW_EXTENSION_WATERMARKS was begun with; -1: it was not
  std::map<uint64_t, Batch> deferred;
  int64_t settled_rows = 0;  // rows that were deferred and neither passed on nor failed
  int64_t clock = 1'700'000'000'000'000'000;
  bool stopping = false;
  bool checkpoints = false;  // what FLOW_EXTENSION_CHECKPOINTS tells
  flow_keys keys{};          // of the input under way, when size is set
  int64_t state_limit = int64_t{1} << 30;

 private:
  using Lock = std::lock_guard<std::recursive_mutex>;
  static constexpr int kMostRounds = 8;
  // What take_due took out last.
  struct Firing {
    flow_time kind = FLOW_EVENT_TIME;
    int64_t nanoseconds = 0;
    std::map<std::pair<std::string, uint64_t>, int> rounds;  // by key
    int latest_round = 0;
    bool ends = false;
  };

  static TestHost& self(const flow_host* host) { return *static_cast<TestHost*>(host->self); }
  static host::MemoryAccount& account_of(const flow_host* host) { return self(host).account; }

  void accept(uint32_t port, const flow_batch* batch, int64_t created_rows) {
    if (port >= emitted.size()) {
      misuse.push_back("emit on port " + std::to_string(port) + ", which is not declared");
      passed += batch->rows - created_rows;
      return;
    }
    if (created_rows < 0 || created_rows > batch->rows) {
      misuse.push_back("emit of " + std::to_string(batch->rows) + " rows with " +
                       std::to_string(created_rows) + " created");
    }
    if (room_limit_ >= 0 && emitted_in_call_ >= room_limit_) ++room_violations;
    ++emitted_in_call_;
    created += created_rows;
    passed += batch->rows - created_rows;
    emitted[port].emplace_back(Reference<const flow_batch>::share(batch));
  }

  void install_outcomes() {
    abi_.room = [](const flow_host* host, uint32_t) -> int64_t {
      TestHost& test = self(host);
      const Lock lock(test.mutex_);
      if (test.room_limit_ < 0) return INT64_MAX;
      return test.room_limit_ > test.emitted_in_call_ ? test.room_limit_ - test.emitted_in_call_
                                                      : 0;
    };
    abi_.emit = [](const flow_host* host, uint32_t port, const flow_batch* batch,
                   int64_t created_rows) {
      const Lock lock(self(host).mutex_);
      self(host).accept(port, batch, created_rows);
    };
    abi_.emit_from = [](const flow_host* host, const flow_batch* batch, const char* partition,
                        const void* position, uint32_t length, uint32_t flags) {
      TestHost& test = self(host);
      const Lock lock(test.mutex_);
      if (batch != nullptr) test.accept(0, batch, batch->rows);
      test.emissions.push_back({partition, std::string(static_cast<const char*>(position), length),
                                (flags & FLOW_PARTITION_END) != 0,
                                batch != nullptr ? batch->rows : 0});
    };
    abi_.fail = [](const flow_host* host, const flow_batch* batch, int64_t row, const char* reason,
                   const char* message, uint32_t flags) {
      TestHost& test = self(host);
      const Lock lock(test.mutex_);
      if (row < 0 || row >= batch->rows) {
        test.misuse.push_back("fail of row " + std::to_string(row) + " of a batch of " +
                              std::to_string(batch->rows));
        return;
      }
      FailedRow failure{row, reason, message, (flags & FLOW_FAIL_RETRYABLE) != 0, ""};
      if (batch->origin->record != nullptr) {
        failure.record = TextView(*batch->origin->record)[row];
      }
      test.failed.push_back(std::move(failure));
    };
    abi_.drop = [](const flow_host* host, int64_t rows, const char* reason) {
      const Lock lock(self(host).mutex_);
      if (rows < 0) self(host).misuse.push_back("drop of " + std::to_string(rows) + " rows");
      self(host).dropped[reason] += rows;
    };
    abi_.absorb = [](const flow_host* host, int64_t rows) {
      const Lock lock(self(host).mutex_);
      if (rows < 0) self(host).misuse.push_back("absorb of " + std::to_string(rows) + " rows");
      self(host).absorbed += rows;
    };
    abi_.late = [](const flow_host* host, const flow_batch* batch) {
      const Lock lock(self(host).mutex_);
      self(host).late_rows += batch->rows;
      self(host).late.emplace_back(Reference<const flow_batch>::share(batch));
    };
    abi_.defer = [](const flow_host* host, const flow_batch* batch) -> uint64_t {
      TestHost& test = self(host);
      const Lock lock(test.mutex_);
      test.deferred.emplace(++test.last_token_, Batch(Reference<const flow_batch>::share(batch)));
      return test.last_token_;
    };
    abi_.done = [](const flow_host* host, uint64_t token, uint32_t port, const flow_batch* passed,
                   const int32_t* failed_rows, int64_t n_failed, const char* reason,
                   const char* message, uint32_t flags) {
      TestHost& test = self(host);
      const Lock lock(test.mutex_);
      const auto found = test.deferred.find(token);
      if (found == test.deferred.end()) {
        test.misuse.emplace_back("done with a token that is not outstanding");
        return;
      }
      if (passed != nullptr) {
        // What was deferred may be settled whenever its answer comes: room does not bound it.
        const int64_t emitted_before = test.emitted_in_call_;
        const int64_t violations_before = test.room_violations;
        test.accept(port, passed, 0);
        test.emitted_in_call_ = emitted_before;
        test.room_violations = violations_before;
      }
      for (int64_t i = 0; i < n_failed; ++i) {
        host->fail(host, found->second.get(), failed_rows[i], reason, message, flags);
      }
      test.settled_rows += found->second.rows() - n_failed - (passed != nullptr ? passed->rows : 0);
      test.deferred.erase(found);
      if (test.deferred.empty()) test.settled_.notify_all();
    };
  }

  void install_state() {
    abi_.keys = [](const flow_host* host) -> const flow_keys* {
      const TestHost& test = self(host);
      return test.keys.size != 0 ? &test.keys : nullptr;
    };
    abi_.table = [](const flow_host* host, const char* name, uint32_t version) {
      TestHost& test = self(host);
      flow_table* table = test.state_.table(name, version);
      if (table == nullptr) host->error(host, test.state_.problem().c_str());
      return table;
    };
    abi_.page_count = [](const flow_host*, flow_table* table, uint32_t group, uint32_t area) {
      return host::StateStore::page_count(table, group, area);
    };
    abi_.page = [](const flow_host* host, flow_table* table, uint32_t group, uint32_t area,
                   uint32_t index) {
      TestHost& test = self(host);
      test.state_.set_limit(test.state_limit);
      return test.state_.page(table, group, area, index);
    };
    abi_.thaw = [](const flow_host* host, flow_table*, flow_page* page) {
      self(host).state_.thaw(page);
    };
    abi_.timer = [](const flow_host* host, flow_time kind, int64_t nanoseconds,
                    const flow_key* key) {
      Timer timer{kind, nanoseconds, "", 0};
      if (key != nullptr) {
        timer.key.assign(static_cast<const char*>(key->bytes), key->length);
        timer.hash = key->hash;
      }
      TestHost& test = self(host);
      const Firing& firing = test.firing_;
      const auto own = firing.rounds.find({timer.key, timer.hash});
      const bool fires = own != firing.rounds.end();
      if (fires && firing.kind == kind && firing.nanoseconds == nanoseconds) return;
      // At the end of a stream an operator that always sets another comes to an end.
      if (firing.ends) timer.round = 1 + (fires ? own->second : firing.latest_round);
      if (timer.round <= kMostRounds) test.timers.push_back(std::move(timer));
    };
    abi_.offer = [](const flow_host* host, const char* partition) {
      const Lock lock(self(host).mutex_);
      self(host).offered.emplace_back(partition);
    };
  }

  void install_observation() {
    const auto metric = [](const flow_host* host, const char* name, const char*) -> uint64_t {
      TestHost& test = self(host);
      const Lock lock(test.mutex_);
      for (size_t i = 0; i < test.metric_names_.size(); ++i) {
        if (test.metric_names_[i] == name) return i;
      }
      test.metric_names_.emplace_back(name);
      test.metrics[name] = 0;
      return test.metric_names_.size() - 1;
    };
    abi_.counter = metric;
    abi_.gauge = [](const flow_host* host, const char* name, const char* doc) -> uint64_t {
      const Lock lock(self(host).mutex_);
      self(host).gauges_[name] = true;
      return host->counter(host, name, doc);
    };
    abi_.histogram = metric;
    abi_.record = [](const flow_host* host, uint64_t id, double value) {
      TestHost& test = self(host);
      const Lock lock(test.mutex_);
      const std::string& name = test.metric_names_.at(id);
      if (test.gauges_.count(name) != 0) {
        test.metrics[name] = value;
      } else {
        test.metrics[name] += value;
      }
    };
    abi_.log = [](const flow_host* host, flow_log_level level, const char* message) {
      const Lock lock(self(host).mutex_);
      self(host).logs.emplace_back(level, message);
    };
    abi_.error = [](const flow_host* host, const char* message) {
      const Lock lock(self(host).mutex_);
      self(host).error = message;
    };
    abi_.now = [](const flow_host* host) { return self(host).clock; };
    abi_.stopping = [](const flow_host* host) -> int32_t { return self(host).stopping ? 1 : 0; };
    abi_.extension = [](const flow_host* host, const char* id) -> const void* {
      TestHost& test = self(host);
      if (std::string_view(id) == FLOW_EXTENSION_WATERMARKS) return &test.told_watermarks_;
      if (std::string_view(id) != FLOW_EXTENSION_CHECKPOINTS) return nullptr;
      test.told_.enabled = test.checkpoints ? 1 : 0;
      return &test.told_;
    };
    told_watermarks_.size = sizeof told_watermarks_;
    told_watermarks_.begin = [](const flow_host* host, int64_t idle) { self(host).idle = idle; };
    told_watermarks_.tell = [](const flow_host* host, const char* source, const char* partition,
                               int64_t watermark) {
      self(host).watermarks.push_back(
          {source != nullptr ? source : "", partition != nullptr ? partition : "", watermark});
    };
  }

  flow_host abi_{};
  host::StateStore state_;
  std::recursive_mutex mutex_;
  std::condition_variable_any settled_;
  int64_t room_limit_ = -1;
  flow_checkpoints told_{sizeof(flow_checkpoints), 0, 0, 0};
  flow_watermarks told_watermarks_{};
  Firing firing_;
  int64_t emitted_in_call_ = 0;
  uint64_t last_token_ = 0;
  std::vector<std::string> metric_names_;
  std::map<std::string, bool> gauges_;
};

}  // namespace flow::testing
