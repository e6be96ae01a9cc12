// One instance of a node: its fused steps, and the message they are working on.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/graph/channel.hpp"
#include "core/graph/checkpoints.hpp"
#include "core/graph/kept_fields.hpp"
#include "core/graph/message_columns.hpp"
#include "core/graph/operator_instance.hpp"
#include "core/graph/plan.hpp"

namespace flowrun {

// A component with the objects that its plugin made for it: shared by all instances.
struct SharedComponent {
  ComponentRuntime* runtime = nullptr;
  flow_component* component = nullptr;
  flow_component* codec = nullptr;
};

// Why rows that failed stop the pipeline, with the first of `letters` as the example.
std::string failure_text(const flow::Batch& letters, OnError on_error);

// Whether messages of a group keep the numbers of its input (instances of a chain, which finish in
// any order) or are numbered by the group itself (it is the only one).
enum class Numbering { kOfInput, kOwn };

// Runs one message at a time through the steps, deepest first, so that a batch crosses them hot and
// nothing piles up between them. Not thread-safe.
class StepGroup final : public Outlet {
 public:
  enum class Progress {
    kDone,    // the message is dealt with: take the next
    kPaused,  // no room: proceed() when there is some
    kRetry,   // passing trouble: proceed() after a pause
    kFailed   // the pipeline has failed
  };
  // What a checkpoint gets from a group: called at a barrier, once all before it is done.
  // Without an answer: it could not be made.
  using AtBarrier =
      std::function<void(std::uint64_t checkpoint, std::optional<Checkpoints::Answer> answer)>;
  // The same at its end.
  using AtEnd = std::function<void(Checkpoints::Answer answer)>;

  // `channels`: by index of plan edge, null where the group does not send. `receipts`: shared with
  // the other instances of the chain. Opens every operator; throws std::runtime_error naming the
  // component.
  StepGroup(Runtime& runtime, const PlanNode& node, const std::vector<SharedComponent>& components,
            std::vector<std::unique_ptr<Channel>> channels, Numbering numbering,
            std::shared_ptr<Receipts> receipts, std::function<void()> settled = {});

  // Operators go first: their threads may still be settling.
  ~StepGroup() override { steps_.clear(); }

  // Takes a message; the group must be done with the one before.
  void take(MessagePointer message);
  // Works until done or stopped. `privileged` answers, when memory is used up, whether this group
  // may go on all the same, one batch at a time.
  Progress proceed(const std::function<bool()>& privileged);

  void on_barrier(AtBarrier at_barrier) { at_barrier_ = std::move(at_barrier); }
  // Called when the end has been dealt with. With checkpoints a sink on a thread of its own is not
  // closed by then but by begin_close().
  void on_end(AtEnd at_end) { at_end_ = std::move(at_end); }
  // Gives the operator its state back. Throws std::runtime_error with its own words.
  void restore(std::uint32_t version, const std::string& state);
  // Timers and watermarks: what a checkpoint keeps of them, and back. An instance of a keyed
  // operator is given what each of the instances before kept. Throws std::runtime_error if the
  // bytes are damaged.
  std::string timing();
  void restore_timing(const std::vector<std::string>& saved, std::size_t instance,
                      std::size_t instances);
  // The checkpoint behind the end of a sink is complete: proceed() closes it.
  void begin_close();
  std::uint64_t number() const { return number_; }
  // When, in nanoseconds since 1970, time alone gives the group something to do, so that it should
  // be sent a kTick; INT64_MAX: never. [any]
  std::int64_t next_tick() const { return next_tick_.load(std::memory_order_relaxed); }
  // Rows that were taken and are not dealt with.
  std::uint64_t rows_held() const;
  // Everything that was sent for this message and those before it has been received.
  bool outputs_empty() const;
  // Inputs that operators have deferred. [any]
  std::size_t outstanding() const;
  // Sends on what has been settled since.
  Progress collect_settled();
  // Closes every operator that no end has reached, undrained or, in a chain, because it has none.
  void close_steps();
  // What the step that asked for a retry said.
  const std::string& trouble() const { return trouble_; }
  OperatorInstance& step(std::size_t index) { return *steps_[index].instance; }

  std::int64_t room(std::size_t step, std::uint32_t port) override;
  void emit(std::size_t step, std::uint32_t port, flow::Batch batch) override;
  void failed(std::size_t step, const flow_batch* batch, std::int64_t row) override;
  void settled(std::size_t step) override;

 private:
  // What a step has to do next: a batch, or what a control message asks.
  struct Work {
    Control control = Control::kNone;
    std::int64_t value = 0;
    std::uint32_t port = 0;
    flow::Batch batch;
    std::optional<KeyShare> share;
  };
  // First in, first out; keeps its memory.
  class WorkQueue {
   public:
    bool empty() const { return first_ == items_.size(); }
    Work& front() { return items_[first_]; }
    Work& add() { return items_.emplace_back(); }
    void pop() {
      items_[first_].batch = {};
      items_[first_++].share.reset();
      if (empty()) {
        items_.clear();
        first_ = 0;
      }
    }
    std::span<const Work> waiting() const { return std::span(items_).subspan(first_); }

   private:
    std::vector<Work> items_;
    std::size_t first_ = 0;
  };
  struct Step {
    std::unique_ptr<OperatorInstance> instance;
    const PlanStep* plan = nullptr;
    OnError on_error = OnError::kDeadLetter;
    WorkQueue work;
    bool reaches_edge = false;
    bool is_sink = false;
    std::unique_ptr<KeptFields> kept;  // an encoder whose sink wants fields beside the bytes
    std::unique_ptr<MessageColumns> messages;  // the decoder of a source of messages
    std::uint32_t errors_port = UINT32_MAX;
    bool closed = false;
    bool emitted_in_close = false;
    std::optional<Checkpoints::Answer> at_end;  // before it was closed
    bool advanced = false;                      // to the end of time
    bool loses_origin = false;
    std::int64_t watermark = INT64_MIN;
  };
  struct Slot {
    std::unique_ptr<Channel> channel;
    std::vector<flow::Batch> batches;
    std::uint64_t next_number = 0;  // of its own numbering
  };

  // Parts of a message are sent on when this many bytes have gathered.
  static constexpr std::int64_t kPartBytes = 4 << 20;

  Work& add_work(std::size_t step);
  flow_status call(Step& step, Work& work);
  flow_status advance(Step& step, std::int64_t watermark);
  flow_status fire(Step& step, flow_time kind, std::int64_t until);
  flow_status end_time(Step& step);
  bool fires_next(Step& step);
  void note_watermark(std::int64_t watermark);
  void move_time();
  void keep_open(const OpenPartitionsPointer& open);
  void send_open();
  Progress step_forward(Step& step);
  bool release_kept(Step& step, const Work& work);
  bool route_failures(Step& step);
  void route(const std::vector<PlanTarget>& targets, flow::Batch batch);
  void hand_on(const PlanTarget& target, flow::Batch batch);
  void flush(bool last);
  void send(Slot& slot, std::uint64_t number, bool last, Control control);
  void send_control(Control control, std::int64_t value);
  flow_status barrier(Step& step, std::uint64_t checkpoint);
  flow_status end(Step& step);
  flow_status close(Step& step);
  flow_status capture(Step& step, std::uint64_t checkpoint, Checkpoints::Answer& answer);

  Runtime& runtime_;
  Numbering numbering_;
  bool closes_by_request_ = false;  // with checkpoints
  std::vector<Step> steps_;
  std::size_t deepest_ = 0;  // no step behind this one has work
  Stopwatch stopwatch_;
  std::vector<std::size_t> slot_of_edge_;
  std::vector<Slot> slots_;
  std::function<void()> settled_;
  AtBarrier at_barrier_;
  AtEnd at_end_;
  std::shared_ptr<Receipts> receipts_;
  MessagePointer message_;
  // Of each source, what was heard of last; and what of that has not been sent on.
  std::vector<OpenPartitionsPointer> known_open_, unsent_open_;
  std::atomic<std::int64_t> next_tick_{INT64_MAX};
  std::uint64_t number_ = 0;
  std::uint64_t epoch_ = 0;  // of the message
  std::int64_t gathered_ = 0;
  bool emitted_in_call_ = false;
  std::vector<Ticket> deferred_tickets_;
  std::string trouble_;
};

}  // namespace flowrun
