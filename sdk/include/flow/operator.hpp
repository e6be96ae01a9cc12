// Base classes of operators.
//
// An operator class T has a struct `T::Options`, a static `describe(flow::Description<Options>&)`
// and one of the constructors T(const Options&, Shared&), T(const Options&) or T(). A nested class
// `Shared`, made once a component as Shared(const Options&, Host), holds what its instances share
// (databases, caches); it must be safe for use from several threads. A static `infer` says the
// columns of the outputs before a run; see flow/inference.hpp.
//
// Any exception out of a member ends the pipeline with its text, but for flow::Retry, which makes
// the host call again with the same input after a pause.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "flow/options.hpp"
#include "flow/output.hpp"

namespace flow {

enum class Status : flow_status {
  kDone = FLOW_DONE,
  kMore = FLOW_MORE,  // out of room: call again with the same input
  kIdle = FLOW_IDLE,  // sources: nothing now
  kEnd = FLOW_END     // sources: never again anything
};

// What every kind has. Members run one at a time on one instance, on any thread of the host.
class Operator {
 public:
  Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;
  virtual ~Operator() = default;

  // Once, before the first input. Throw to refuse the run.
  virtual void open(Output&) {}
  // One batch of one input. Emits what room() allows; returns kMore while something is left.
  virtual Status consume(uint32_t input, const Batch& in, Output& out) = 0;
  // No row with an event time below `watermark` follows.
  virtual Status advance(int64_t /*watermark*/, Output&) { return Status::kDone; }
  virtual Status timer(flow_time, int64_t /*nanoseconds*/, std::span<const flow_key* const>,
                       Output&) {
    return Status::kDone;
  }
  // The small state of a serial operator, and back.
  virtual std::string snapshot() { return {}; }
  virtual void restore(uint32_t /*version*/, std::string_view /*state*/) {}
  // The last call. `drained`: every input was processed.
  virtual void close(bool /*drained*/, Output&) {}
  virtual const void* extension(const char* /*id*/) { return nullptr; }
};

// One batch in, at most a few out.
class Transform : public Operator {
 public:
  static constexpr flow_kind kKind = FLOW_TRANSFORM;
  virtual void process(const Batch& in, Output& out) = 0;
  Status consume(uint32_t, const Batch& in, Output& out) override {
    process(in, out);
    return Status::kDone;
  }
};

// A transform that overrides consume itself: several inputs, or more output than there is room.
class GeneralTransform : public Operator {
 public:
  static constexpr flow_kind kKind = FLOW_TRANSFORM;
};

class Window : public Operator {
 public:
  static constexpr flow_kind kKind = FLOW_WINDOW;
};

// Output of a source: batches with the partition and the position behind their last row.
class SourceOutput {
 public:
  explicit SourceOutput(Output& out) : out_(out) {}

  Output& out() { return out_; }
  int64_t room() const { return out_.room(); }
  // `position`: any bytes from which `assign` would go on after this batch.
  void emit(const Batch& batch, const std::string& partition, std::string_view position) {
    send(batch.get(), partition, position, 0);
  }
  // Nothing was read, and the position is another one all the same.
  void move(const std::string& partition, std::string_view position) {
    send(nullptr, partition, position, 0);
  }
  // The partition's stream is over: what the codec held back is a record now. Emitting again from
  // the partition begins another stream.
  void end(const std::string& partition, std::string_view position) {
    send(nullptr, partition, position, FLOW_PARTITION_END);
  }
  // The same, and what a later run finds behind the position goes on with the stream, eg: of a file
  // that has grown.
  void end_for_now(const std::string& partition, std::string_view position) {
    send(nullptr, partition, position, FLOW_PARTITION_END | FLOW_MAY_GO_ON);
  }
  // Announces a partition; the host answers with assign.
  void offer(const std::string& partition) { out_.get()->offer(out_.get(), partition.c_str()); }

 private:
  void send(const flow_batch* batch, const std::string& partition, std::string_view position,
            uint32_t flags) {
    out_.get()->emit_from(out_.get(), batch, partition.c_str(), position.data(),
                          static_cast<uint32_t>(position.size()), flags);
  }
  Output& out_;
};

// Runs on a thread of its own.
class Source : public Operator {
 public:
  static constexpr flow_kind kKind = FLOW_SOURCE;
  // Emits at most what room() allows, and returns: Done (poll again), Idle or End. May wait a few
  // milliseconds for data, not longer, unless wake() ends the wait.
  virtual Status poll(SourceOutput& out) = 0;
  // From `position` (as emitted before), or from the start.
  virtual void assign(const std::string& partition, std::optional<std::string_view> position) = 0;
  virtual void revoke(const std::string& /*partition*/) {}
  virtual void wake() {}  // [any]
  // Everything up to `position` is durable downstream.
  virtual void acknowledge(const std::string& /*partition*/, std::string_view /*position*/) {}
  Status consume(uint32_t, const Batch&, Output&) final { return Status::kDone; }
};

//
// One of FLOW_BYTES or FLOW_MESSAGES that needs fields of the rows beside their encoded bytes (a
// path, a topic, an id) has a static `std::vector<std::string> kept_fields(const Options&)`: its
// batches are the encoded column, then these columns in this order (FLOW_EXTENSION_KEPT_FIELDS).
// Of FLOW_BYTES the last column may be FLOW_PROLOGUE_FIELD: what a file begins with.
class Sink : public Operator {
 public:
  static constexpr flow_kind kKind = FLOW_SINK;
  // Delivers the rows. Those that can never be delivered: out.fail. Rows not failed count as
  // delivered when this returns.
  virtual void process(const Batch& in, Output& out) = 0;
  Status consume(uint32_t, const Batch& in, Output& out) override {
    process(in, out);
    return Status::kDone;
  }
  // Two-phase sinks; see flow_operator.
  virtual std::string prepare(uint64_t /*checkpoint*/) { return {}; }
  virtual void commit(std::string_view /*handle*/) {}
  virtual void abort(std::string_view /*handle*/) {}
};

// What a codec is as well if its records need something that stands further up in their stream; see
// FLOW_EXTENSION_STREAM_CONTEXT. Then column 1 of what decode() is given has the context at the
// beginning of each row of column 0; there is none where each row is a stream of its own.
class StreamContext {
 public:
  StreamContext() = default;
  StreamContext(const StreamContext&) = delete;
  StreamContext& operator=(const StreamContext&) = delete;
  virtual ~StreamContext() = default;

  // Behind the bytes that frame() found whole so far. Valid until the next call; empty: nothing has
  // come before.
  virtual std::string_view context() const = 0;
  // Before the first frame(): the stream goes on where context() said this.
  virtual void resume(std::string_view context) = 0;
};

// An instance does one of the three, by its role.
class Codec : public Operator {
 public:
  static constexpr flow_kind kKind = FLOW_CODEC;
  // How many of the bytes are whole records. `final`: nothing follows, all of them are.
  virtual int64_t frame(std::string_view bytes, bool final) = 0;
  // Binary rows of one or more whole records each -> typed rows. The input's rows are absorbed by
  // the glue; what comes out is created.
  virtual void decode(const Batch& in, Output& out) = 0;
  // Typed rows -> one binary column, one row a row, contiguous in one buffer; `delimited`: each
  // with its delimiter. With delimiters, a second column may say what the stream begins with; see
  // FLOW_PROLOGUE_FIELD.
  virtual void encode(const Batch& in, bool delimited, Output& out) = 0;

  void set_role(flow_role role) { role_ = role; }
  flow_role role() const { return role_; }
  Status consume(uint32_t, const Batch& in, Output& out) override {
    if (role_ == FLOW_ROLE_DECODE) {
      decode(in, out);
      out.absorb(in.rows());
    } else {
      encode(in, role_ == FLOW_ROLE_ENCODE, out);
    }
    return Status::kDone;
  }

 private:
  flow_role role_ = FLOW_ROLE_NONE;
};

}  // namespace flow
