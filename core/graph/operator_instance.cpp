#include "core/graph/operator_instance.hpp"

#include <stdexcept>

#include "core/graph/kept_fields.hpp"
#include "core/observe/log.hpp"
#include "core/observe/text.hpp"
#include "flow/builder.hpp"
#include "flow/host/data_plane.hpp"
#include "flow/trial.h"
#include "flow/utf8.hpp"

namespace flowrun {
namespace {

// Handles of the two gauges that the engine keeps for itself.
constexpr std::uint64_t kBytesTotal = UINT64_MAX;
constexpr std::uint64_t kBytesRead = UINT64_MAX - 1;

}  // namespace

OperatorHost::OperatorHost(Runtime& runtime, ComponentRuntime& component)
    : runtime_(runtime), component_(component) {
  abi_.size = sizeof abi_;
  abi_.abi_minor = FLOW_ABI_MINOR;
  abi_.self = this;
  flow::host::install_data_plane<account_of>(abi_);
  install_observation();
  // Until an instance replaces them: a component has no rows.
  abi_.room = [](const flow_host*, std::uint32_t) -> std::int64_t { return 0; };
  abi_.emit = [](const flow_host*, std::uint32_t, const flow_batch*, std::int64_t) {};
  abi_.emit_from = [](const flow_host*, const flow_batch*, const char*, const void*, std::uint32_t,
                      std::uint32_t) {};
  abi_.fail = [](const flow_host*, const flow_batch*, std::int64_t, const char*, const char*,
                 std::uint32_t) {};
  abi_.drop = [](const flow_host*, std::int64_t, const char*) {};
  abi_.absorb = [](const flow_host*, std::int64_t) {};
  abi_.late = [](const flow_host*, const flow_batch*) {};
  abi_.defer = [](const flow_host*, const flow_batch*) -> std::uint64_t { return 0; };
  abi_.done = [](const flow_host*, std::uint64_t, std::uint32_t, const flow_batch*,
                 const std::int32_t*, std::int64_t, const char*, const char*, std::uint32_t) {};
  abi_.keys = [](const flow_host*) -> const flow_keys* { return nullptr; };
  abi_.table = [](const flow_host*, const char*, std::uint32_t) -> flow_table* { return nullptr; };
  abi_.page_count = [](const flow_host*, flow_table*, std::uint32_t,
                       std::uint32_t) -> std::uint32_t { return 0; };
  abi_.page = [](const flow_host*, flow_table*, std::uint32_t, std::uint32_t,
                 std::uint32_t) -> flow_page* { return nullptr; };
  abi_.thaw = [](const flow_host*, flow_table*, flow_page*) {};
  abi_.timer = [](const flow_host*, flow_time, std::int64_t, const flow_key*) {};
  abi_.offer = [](const flow_host*, const char*) {};
}

void OperatorHost::install_observation() {
  abi_.counter = [](const flow_host* host, const char* name, const char* doc) {
    OperatorHost& me = self(host);
    return me.runtime_.metrics.plugin_metric(*me.component_.metrics, MetricKind::kCounter, name,
                                             doc);
  };
  abi_.gauge = [](const flow_host* host, const char* name, const char* doc) {
    OperatorHost& me = self(host);
    if (std::string_view(name) == "source_bytes_total") return kBytesTotal;
    if (std::string_view(name) == "source_bytes_read") return kBytesRead;
    return me.runtime_.metrics.plugin_metric(*me.component_.metrics, MetricKind::kGauge, name, doc);
  };
  abi_.histogram = [](const flow_host* host, const char* name, const char* doc) {
    OperatorHost& me = self(host);
    return me.runtime_.metrics.plugin_metric(*me.component_.metrics, MetricKind::kHistogram, name,
                                             doc);
  };
  abi_.record = [](const flow_host* host, std::uint64_t metric, double value) {
    OperatorHost& me = self(host);
    if (metric == kBytesTotal) {
      me.component_.bytes_total.store(value);
    } else if (metric == kBytesRead) {
      me.component_.bytes_read.store(value);
    } else {
      me.component_.metrics->record(metric, value);
    }
  };
  abi_.log = [](const flow_host* host, flow_log_level level, const char* message) {
    log::write(static_cast<log::Level>(level), message, {{"component", self(host).component_.id}});
  };
  abi_.error = [](const flow_host* host, const char* message) {
    self(host).error_ = message;
    self(host).option_problem_.reset();
  };
  abi_.now = [](const flow_host* host) { return self(host).runtime_.now(); };
  abi_.stopping = [](const flow_host* host) -> std::int32_t {
    return self(host).runtime_.aborted.load(std::memory_order_relaxed) ? 1 : 0;
  };
  abi_.extension = extension_of;
}

const void* OperatorHost::extension_of(const flow_host* host, const char* id) {
  static constexpr flow_option_problem_host kProblems{
      sizeof(flow_option_problem_host), 0,
      [](const flow_host* host, const flow_option_problem* problem) {
        OperatorHost& me = self(host);
        me.option_problem_ = OptionProblem::from(*problem);
        me.error_ = me.option_problem_->to_string();
      }};
  const std::string_view wanted = id;
  if (wanted == FLOW_EXTENSION_OPTION_PROBLEM) return &kProblems;
  if (wanted == FLOW_EXTENSION_CHECKPOINTS) {
    OperatorHost& me = self(host);
    me.told_checkpoints_.enabled = me.runtime_.checkpointing ? 1 : 0;
    return &me.told_checkpoints_;
  }
  if (wanted == FLOW_EXTENSION_TRIAL) return self(host).runtime_.is_trial ? host : nullptr;
  return nullptr;
}

OperatorInstance::OperatorInstance(Runtime& runtime, ComponentRuntime& component,
                                   flow_component* shared, flow_role role, Accounting accounting,
                                   std::size_t step, Outlet& outlet)
    : OperatorHost(runtime, component),
      accounting_(accounting),
      step_(step),
      outlet_(outlet),
      output_(&abi_),
      state_(runtime.state_memory),
      timers_(runtime.state_account) {
  install_outcomes();
  install_state();
  install_time();
  if (role == FLOW_ROLE_NONE && component.fill_state) {
    try {
      component.fill_state(state_);
    } catch (const std::runtime_error& trouble) {
      throw Refusal(trouble.what());
    }
  }
  operator_ = shared->instance(shared, &abi_, role);
  if (operator_ == nullptr) throw refusal();
  const std::uint32_t n_inputs = component.bound->descriptor().n_inputs;
  const std::vector<const flow_schema*> schemas(n_inputs, nullptr);
  if (operator_->open(operator_, schemas.data(), n_inputs) != FLOW_DONE) {
    operator_->destroy(operator_);
    throw refusal();
  }
}

OperatorInstance::~OperatorInstance() { operator_->destroy(operator_); }

void OperatorInstance::emitted(std::uint32_t port, const flow_batch& batch, std::int64_t created) {
  const auto rows = static_cast<std::uint64_t>(batch.rows);
  const auto bytes = static_cast<std::uint64_t>(bytes_out_(batch));
  switch (accounting_) {
    case Accounting::kOperator:
      delta_.emitted(port, rows, bytes, static_cast<std::uint64_t>(created));
      break;
    case Accounting::kSource:
      delta_.emitted(port, rows, bytes, rows);
      break;
    case Accounting::kDecoder:
      delta_.rows.in += rows;
      delta_.emitted(port, rows, bytes, 0);
      break;
    case Accounting::kEncoder:
    case Accounting::kSink:
      break;
  }
}

void OperatorInstance::failed(const flow_batch& batch, std::int64_t row, const char* reason,
                              const char* message) {
  outlet_.failed(step_, &batch, row);
  delta_.failed(reason);
  if (counts_only_outcomes()) ++delta_.rows.in;
  FailedRow failure;
  flow::append_repaired_utf8(reason, failure.reason);
  flow::append_repaired_utf8(message, failure.message);
  failure.source = batch.origin->source;
  if (batch.origin->partition != nullptr) {
    flow::append_repaired_utf8(batch.origin->partition, failure.partition.emplace());
  }
  if (batch.origin->position != nullptr) {
    failure.position = flow::Int64View(*batch.origin->position)[row];
  }
  if (batch.origin->record != nullptr) {
    failure.record = flow::TextView(*batch.origin->record)[row];
    failure.has_record = true;
  }
  failures_.push_back(std::move(failure));
}

void OperatorInstance::install_outcomes() {
  abi_.room = [](const flow_host* host, std::uint32_t port) {
    OperatorInstance& me = self(host);
    return me.outlet_.room(me.step_, port);
  };
  abi_.emit = [](const flow_host* host, std::uint32_t port, const flow_batch* batch,
                 std::int64_t created) {
    OperatorInstance& me = self(host);
    me.guarded([&] {
      me.emitted(port, *batch, created);
      if (batch->rows == 0) return;
      me.outlet_.emit(me.step_, port, flow::Batch(flow::Reference<const flow_batch>::share(batch)));
    });
  };
  abi_.emit_from = [](const flow_host* host, const flow_batch* batch, const char* partition,
                      const void* position, std::uint32_t length, std::uint32_t flags) {
    OperatorInstance& me = self(host);
    me.guarded([&] {
      me.outlet_.emit_from(batch, partition,
                           std::string(static_cast<const char*>(position), length), flags);
    });
  };
  abi_.fail = [](const flow_host* host, const flow_batch* batch, std::int64_t row,
                 const char* reason, const char* message,
                 std::uint32_t) { self(host).failed(*batch, row, reason, message); };
  abi_.drop = [](const flow_host* host, std::int64_t rows, const char* reason) {
    OperatorInstance& me = self(host);
    const auto count = static_cast<std::uint64_t>(rows);
    me.delta_.dropped(reason, count);
    if (me.counts_only_outcomes()) me.delta_.rows.in += count;
  };
  abi_.absorb = [](const flow_host* host, std::int64_t rows) {
    OperatorInstance& me = self(host);
    // What a decoder takes are pieces, not rows.
    if (me.accounting_ != Accounting::kDecoder) {
      me.delta_.absorbed(static_cast<std::uint64_t>(rows));
    }
  };
  abi_.late = [](const flow_host* host, const flow_batch* batch) {
    OperatorInstance& me = self(host);
    me.delta_.late(static_cast<std::uint64_t>(batch->rows));
    const flow_descriptor& descriptor = me.component_.bound->descriptor();
    for (std::uint32_t port = 0; port < descriptor.n_outputs; ++port) {
      if (std::string_view(descriptor.outputs[port]->name) == "late") {
        me.outlet_.emit(me.step_, port,
                        flow::Batch(flow::Reference<const flow_batch>::share(batch)));
      }
    }
  };
  abi_.defer = [](const flow_host* host, const flow_batch* batch) {
    OperatorInstance& me = self(host);
    if ((me.component_.bound->descriptor().traits & FLOW_BLOCKING) == 0) {
      me.runtime_.fail(me.component_.id, "defers rows, but does not have the trait FLOW_BLOCKING");
    }
    // Counted when it is settled.
    me.delta_.rows.in -= static_cast<std::uint64_t>(batch->rows);
    const std::lock_guard lock(me.deferred_mutex_);
    me.deferred_.emplace(++me.last_token_,
                         flow::Batch(flow::Reference<const flow_batch>::share(batch)));
    me.outstanding_.store(me.deferred_.size());
    return me.last_token_;
  };
  abi_.done = [](const flow_host* host, std::uint64_t token, std::uint32_t port,
                 const flow_batch* passed, const std::int32_t* failed_rows, std::int64_t n_failed,
                 const char* reason, const char* message, std::uint32_t) {
    OperatorInstance& me = self(host);
    Settled settled{token,
                    port,
                    flow::Batch(flow::Reference<const flow_batch>::share(passed)),
                    {failed_rows, failed_rows + n_failed},
                    reason != nullptr ? reason : "",
                    message != nullptr ? message : ""};
    {
      const std::lock_guard lock(me.deferred_mutex_);
      me.settled_.push_back(std::move(settled));
    }
    me.outlet_.settled(me.step_);
  };
  abi_.offer = [](const flow_host* host, const char* partition) {
    self(host).outlet_.offer(partition);
  };
}

void OperatorInstance::install_state() {
  abi_.keys = [](const flow_host* host) -> const flow_keys* {
    const OperatorInstance& me = self(host);
    return me.share_ != nullptr ? &me.keys_ : nullptr;
  };
  abi_.table = [](const flow_host* host, const char* name, std::uint32_t version) {
    OperatorInstance& me = self(host);
    flow_table* table = me.state_.table(name, version);
    if (table == nullptr) host->error(host, me.state_.problem().c_str());
    return table;
  };
  abi_.page_count = [](const flow_host*, flow_table* table, std::uint32_t group,
                       std::uint32_t area) {
    return flow::host::StateStore::page_count(table, group, area);
  };
  abi_.page = [](const flow_host* host, flow_table* table, std::uint32_t group, std::uint32_t area,
                 std::uint32_t index) { return self(host).state_.page(table, group, area, index); };
  abi_.thaw = [](const flow_host* host, flow_table*, flow_page* page) {
    self(host).state_.thaw(page);
  };
}

void OperatorInstance::install_time() {
  abi_.timer = [](const flow_host* host, flow_time kind, std::int64_t nanoseconds,
                  const flow_key* key) {
    OperatorInstance& me = self(host);
    me.guarded([&] {
      if (kind != FLOW_EVENT_TIME && kind != FLOW_PROCESSING_TIME) {
        throw std::invalid_argument("sets a timer of an unknown kind");
      }
      me.timers_.set(kind, nanoseconds, key);
    });
  };
  abi_.extension = time_extension_of;
}

const void* OperatorInstance::time_extension_of(const flow_host* host, const char* id) {
  static constexpr flow_watermarks kWatermarks{
      sizeof(flow_watermarks), 0,
      [](const flow_host* host, std::int64_t idle) {
        OperatorInstance& me = self(host);
        me.guarded([&] { me.watermarks_ = std::make_unique<Watermarks>(idle, me.runtime_.now()); });
      },
      [](const flow_host* host, const char* source, const char* partition, std::int64_t watermark) {
        OperatorInstance& me = self(host);
        me.guarded([&] {
          if (me.watermarks_ == nullptr) {
            throw std::logic_error("tells watermarks, but did not begin to");
          }
          me.watermarks_->tell(source, partition, watermark, me.runtime_.now());
        });
      }};
  if (std::string_view(id) == FLOW_EXTENSION_WATERMARKS) return &kWatermarks;
  return extension_of(host, id);
}

// What the engine throws must not pass through the plugin that called it.
template <class Body>
void OperatorInstance::guarded(Body body) {
  try {
    body();
  } catch (const std::exception& error) {
    runtime_.fail(component_.id, error.what());
  }
}

template <class Call>
flow_status OperatorInstance::timed(Stopwatch& stopwatch, Call call) {
  const flow_status status = call();
  component_.metrics->batch_seconds.observe(stopwatch.lap());
  return status;
}

flow_status OperatorInstance::process(std::uint32_t port, const flow::Batch& batch,
                                      const KeyShare* share, Stopwatch& stopwatch) {
  const auto rows = share != nullptr ? static_cast<std::int64_t>(share->rows.size()) : batch.rows();
  share_ = share;
  if (share != nullptr) {
    keys_ = {.size = sizeof keys_,
             .reserved = 0,
             .rows = share->rows.data(),
             .n_rows = rows,
             .hashes = share->split->hashes()};
  }
  const flow_status status =
      timed(stopwatch, [&] { return operator_->process(operator_, port, batch.get()); });
  share_ = nullptr;
  if (status == FLOW_DONE) {
    const auto taken = static_cast<std::uint64_t>(rows);
    if (accounting_ == Accounting::kOperator || accounting_ == Accounting::kSink) {
      delta_.input_taken(taken, static_cast<std::uint64_t>(bytes_in_(*batch.get())));
    }
    if (accounting_ == Accounting::kSink) {
      // What neither this call nor an earlier one for the same input ended, or put off.
      const std::uint64_t delivered = delta_.rows.in - delta_.rows.failed - delta_.rows.dropped;
      delta_.delivered(delivered);
      if (component_.is_dead_letter) {
        runtime_.metrics.pipeline().dead_letter_rows.add(static_cast<double>(delivered));
      }
    }
  }
  return status;
}

flow_status OperatorInstance::poll() {
  Stopwatch stopwatch;
  return timed(stopwatch, [&] { return operator_->poll(operator_); });
}

flow_status OperatorInstance::advance(std::int64_t watermark, Stopwatch& stopwatch) {
  return timed(stopwatch, [&] { return operator_->advance(operator_, watermark); });
}

flow_status OperatorInstance::fire(flow_time kind, std::int64_t until, bool& any,
                                   Stopwatch& stopwatch) {
  any = timers_.begin(kind, until);
  if (!any) return FLOW_DONE;
  const Timers::Due& due = timers_.due();
  const flow_status status = timed(stopwatch, [&] {
    return operator_->timer(operator_, kind, due.nanoseconds, due.keys.data(),
                            static_cast<std::uint32_t>(due.keys.size()));
  });
  if (status == FLOW_DONE) timers_.done();
  return status;
}

flow_status OperatorInstance::close(bool drained) {
  return operator_->close(operator_, drained ? 1 : 0);
}

flow::Batch OperatorInstance::take_failures() {
  if (failures_.empty()) return {};
  const std::vector<FailedRow> failures = std::exchange(failures_, {});
  const auto rows = static_cast<std::int64_t>(failures.size());
  const std::int64_t now = runtime_.now();
  flow::TimestampBuilder time(output_, rows);
  flow::Int64Builder attempt(output_, rows);
  flow::Int64Builder position(output_, rows);
  const auto texts = [&](flow_type type, auto value) {
    flow::TextBuilder builder(output_, rows, type);
    for (const FailedRow& failure : failures) {
      const std::optional<std::string_view> text = value(failure);
      if (text) {
        builder.append(*text);
      } else {
        builder.append_null();
      }
    }
    return builder.finish();
  };
  using Text = std::optional<std::string_view>;
  const auto optional = [](const char* text) { return text != nullptr ? Text(text) : Text(); };
  for (const FailedRow& failure : failures) {
    time.append(now);
    attempt.append(1);
    if (failure.position >= 0) {
      position.append(failure.position);
    } else {
      position.append_null();
    }
  }
  using flow::Type;
  const auto component = texts(FLOW_TEXT, [&](const FailedRow&) { return Text(component_.id); });
  const auto reason = texts(FLOW_TEXT, [](const FailedRow& row) { return Text(row.reason); });
  const auto message = texts(FLOW_TEXT, [](const FailedRow& row) { return Text(row.message); });
  const auto source = texts(FLOW_TEXT, [&](const FailedRow& row) { return optional(row.source); });
  const auto partition = texts(FLOW_TEXT, [](const FailedRow& row) { return Text(row.partition); });
  const auto configuration =
      texts(FLOW_TEXT, [&](const FailedRow&) { return Text(runtime_.configuration); });
  const auto record = texts(FLOW_TEXT, [](const FailedRow& row) {
    return row.has_record && flow::is_valid_utf8(row.record) ? Text(row.record) : Text();
  });
  const auto record_bytes = texts(FLOW_BINARY, [](const FailedRow& row) {
    return row.has_record && !flow::is_valid_utf8(row.record) ? Text(row.record) : Text();
  });
  return output_.make(rows,
                      {{"time", {time.finish(), Type::timestamp()}},
                       {"component", {component, Type::text()}},
                       {"reason", {reason, Type::text()}},
                       {"message", {message, Type::text()}},
                       {"attempt", {attempt.finish(), Type::int64()}},
                       {"source", {source, Type::text()}},
                       {"partition", {partition, Type::text()}},
                       {"position", {position.finish(), Type::int64()}},
                       {"configuration", {configuration, Type::text()}},
                       {"record", {record, Type::text()}},
                       {"record_bytes", {record_bytes, Type::binary()}}},
                      nullptr);
}

void OperatorInstance::publish(std::uint64_t epoch) {
  component_.ledger->publish(delta_, epoch);
  delta_.reset();
}

std::int64_t OperatorInstance::outstanding_rows() const {
  const std::lock_guard lock(deferred_mutex_);
  std::int64_t rows = 0;
  for (const auto& [token, input] : deferred_) rows += input.rows();
  return rows;
}

void OperatorInstance::collect_settled() {
  std::vector<std::pair<Settled, flow::Batch>> ready;
  {
    const std::lock_guard lock(deferred_mutex_);
    for (Settled& settled : settled_) {
      const auto found = deferred_.find(settled.token);
      if (found == deferred_.end()) continue;
      ready.emplace_back(std::move(settled), std::move(found->second));
      deferred_.erase(found);
    }
    settled_.clear();
    outstanding_.store(deferred_.size());
  }
  for (const auto& [settled, input] : ready) {
    delta_.input_taken(static_cast<std::uint64_t>(input.rows()),
                       static_cast<std::uint64_t>(bytes_in_(*input.get())));
    for (const std::int32_t row : settled.failed_rows) {
      failed(*input.get(), row, settled.reason.c_str(), settled.message.c_str());
    }
    if (settled.passed) {
      emitted(settled.port, *settled.passed.get(), 0);
      outlet_.emit(step_, settled.port, settled.passed);
    } else if (accounting_ == Accounting::kSink) {
      delta_.delivered(static_cast<std::uint64_t>(input.rows()) - settled.failed_rows.size());
    }
  }
}

}  // namespace flowrun
