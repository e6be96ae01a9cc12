// The host, seen from inside an operator.
#pragma once

#include <cstdint>
#include <new>
#include <string>
#include <string_view>

#include "flow/batch.hpp"

namespace flow {

// Thrown by an operator for a passing trouble (a full disk, a server that is away): the host calls
// again with the same input after a pause, and raises an alarm.
struct Retry : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Thrown for trouble that ends the pipeline. Any other std::exception does the same.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A counter, gauge or histogram of the operator's own. Record once a batch, not once a row.
class Metric {
 public:
  Metric() = default;
  Metric(const flow_host* host, uint64_t id) : host_(host), id_(id) {}
  void record(double value) const {
    if (host_ != nullptr) host_->record(host_, id_, value);
  }

 private:
  const flow_host* host_ = nullptr;
  uint64_t id_ = 0;
};

// Borrowed; lives as long as the instance (for a component's Shared: as long as its constructor).
class Host {
 public:
  explicit Host(const flow_host* host) : host_(host) {}
  const flow_host* get() const { return host_; }

  // Writable until it becomes part of a column. Throws std::bad_alloc.
  Buffer allocate(int64_t bytes) const {
    Buffer buffer = Buffer::adopt(host_->allocate(host_, bytes));
    if (!buffer) throw std::bad_alloc();
    return buffer;
  }
  Column column(const flow_column_parts& parts) const {
    return Column(adopted(host_->column(host_, &parts)));
  }
  Batch select(const Batch& batch, const int32_t* rows, int64_t n) const {
    return Batch(adopted(host_->select(host_, batch.get(), rows, n)));
  }
  Batch slice(const Batch& batch, int64_t first, int64_t n) const {
    return Batch(adopted(host_->slice(host_, batch.get(), first, n)));
  }

  Metric counter(const char* name, const char* doc) const {
    return {host_, host_->counter(host_, name, doc)};
  }
  Metric gauge(const char* name, const char* doc) const {
    return {host_, host_->gauge(host_, name, doc)};
  }
  Metric histogram(const char* name, const char* doc) const {
    return {host_, host_->histogram(host_, name, doc)};
  }
  void log(flow_log_level level, const std::string& message) const {
    host_->log(host_, level, message.c_str());
  }
  void info(const std::string& message) const { log(FLOW_LOG_INFO, message); }
  void warn(const std::string& message) const { log(FLOW_LOG_WARNING, message); }
  // Nanoseconds since 1970 by the host's clock: tests turn it. Never read the wall clock yourself.
  int64_t now() const { return host_->now(host_); }
  // Whether checkpoints are taken, so that what was prepared will be committed.
  bool has_checkpoints() const {
    const auto* told =
        static_cast<const flow_checkpoints*>(host_->extension(host_, FLOW_EXTENSION_CHECKPOINTS));
    return told != nullptr && told->enabled != 0;
  }
  // Whether the next prepare is the last one; see flow_checkpoints.
  bool is_ending() const {
    const auto* told =
        static_cast<const flow_checkpoints*>(host_->extension(host_, FLOW_EXTENSION_CHECKPOINTS));
    return told != nullptr && FLOW_HAS(flow_checkpoints, told, ending) && told->ending != 0;
  }
  // True when the run is being stopped at once: give up waiting.
  bool stopping() const { return host_->stopping(host_) != 0; }

 private:
  template <class T>
  static Reference<T> adopted(T* object) {
    if (object == nullptr) throw std::bad_alloc();
    return Reference<T>::adopt(object);
  }

  const flow_host* host_;
};

}  // namespace flow
