// What travels along an edge.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/graph/key_split.hpp"
#include "core/graph/receipts.hpp"
#include "core/graph/watermarks.hpp"
#include "core/observe/ledger.hpp"
#include "flow/batch.hpp"

namespace flowrun {

// Bytes that a source has in flight. A ticket goes with everything that is made of one emission of
// the source; when the last message that carries it is gone, the bytes are no longer in flight.
class InFlight {
 public:
  std::int64_t bytes() const { return bytes_.load(std::memory_order_acquire); }

  class Ticket {
   public:
    Ticket(std::shared_ptr<InFlight> account, std::int64_t bytes, std::int64_t born)
        : account_(std::move(account)), bytes_(bytes), born_(born) {
      account_->bytes_.fetch_add(bytes_, std::memory_order_acq_rel);
    }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { account_->release(bytes_); }
    // When the source emitted it: nanoseconds since 1970.
    std::int64_t born() const { return born_; }

   private:
    std::shared_ptr<InFlight> account_;
    std::int64_t bytes_;
    std::int64_t born_;
  };

  // `released` runs, on any thread, whenever bytes are no longer in flight; `awaited`: fewer are
  // left than await_below() was told.
  explicit InFlight(std::function<void(bool awaited)> released) : released_(std::move(released)) {}

  // 0: nobody waits.
  void await_below(std::int64_t bytes) { awaited_.store(bytes); }

 private:
  void release(std::int64_t bytes) {
    const std::int64_t left = bytes_.fetch_sub(bytes) - bytes;
    released_(left < awaited_.load());
  }
  std::atomic<std::int64_t> bytes_{0};
  std::atomic<std::int64_t> awaited_{0};
  std::function<void(bool)> released_;
};
using Ticket = std::shared_ptr<InFlight::Ticket>;

// kIdle: nobody is known to be behind; the input counts in no minimum until its next watermark.
// kTick and kClose travel along no edge: time has come for something; the checkpoint behind the end
// of a sink is complete.
enum class Control : std::uint8_t { kNone, kWatermark, kBarrier, kEnd, kIdle, kTick, kClose };

// `value` of an end: whether there is nothing more, or the run was stopped where it was.
inline constexpr std::int64_t kEndComplete = 0;
inline constexpr std::int64_t kEndStopped = 1;

// A batch with the rows of it that belong to one instance of a keyed operator.
struct KeyShare {
  std::shared_ptr<const KeySplit> split;
  std::span<const std::int32_t> rows;  // of the split
};

// One message, or one part of a message. Each input message of a node yields, on every output edge,
// exactly one message with the same number, in one part or several; the last part says so.
struct Message {
  std::uint64_t number = 0;
  bool last = true;
  Control control = Control::kNone;
  std::uint64_t epoch = 0;  // the last barrier in front of it
  // Watermark or clock in nanoseconds, number of the checkpoint, or how the stream ended.
  std::int64_t value = 0;
  std::size_t step = 0;        // of the receiving node
  std::uint32_t port = 0;      // of that step
  OpenPartitionsPointer open;  // of the source it is made of; null: not known, nothing has changed
  std::vector<flow::Batch> batches;
  std::vector<KeyShare> shares;  // one a batch, into a keyed node
  Ticket ticket;
  QueuedRows queued;
  Receipts::Receipt receipt;

  std::int64_t rows() const {
    std::int64_t rows = 0;
    for (const flow::Batch& batch : batches) rows += batch.rows();
    return rows;
  }
};
// Messages have one owner at a time; the flow graph wants to copy what it carries.
using MessagePointer = std::shared_ptr<Message>;

}  // namespace flowrun
