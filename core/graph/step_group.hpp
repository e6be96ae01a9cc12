// One instance of a node: its fused steps, and the message they are working on.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/graph/channel.hpp"
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
  // Without a state: it could not be made.
  using AtBarrier = std::function<void(std::uint64_t checkpoint, std::optional<std::string> state)>;

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
  // Called when the end has been dealt with.
  void on_end(std::function<void()> at_end) { at_end_ = std::move(at_end); }
  std::uint64_t number() const { return number_; }
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
  struct Step {
    std::unique_ptr<OperatorInstance> instance;
    const PlanStep* plan = nullptr;
    OnError on_error = OnError::kDeadLetter;
    std::deque<Work> work;
    bool reaches_edge = false;
    bool is_sink = false;
    std::unique_ptr<KeptFields> kept;  // an encoder whose sink wants fields beside the bytes
    std::unique_ptr<MessageColumns> messages;  // the decoder of a source of messages
    std::uint32_t errors_port = UINT32_MAX;
    bool closed = false;
  };
  struct Slot {
    std::unique_ptr<Channel> channel;
    std::vector<flow::Batch> batches;
    std::uint64_t next_number = 0;  // of its own numbering
  };

  // Parts of a message are sent on when this many bytes have gathered.
  static constexpr std::int64_t kPartBytes = 4 << 20;

  flow_status call(Step& step, Work& work);
  Progress step_forward(Step& step);
  bool release_kept(Step& step, const Work& work);
  bool route_failures(Step& step);
  void route(const std::vector<PlanTarget>& targets, const flow::Batch& batch);
  void flush(bool last);
  void send(Slot& slot, std::uint64_t number, bool last, Control control);
  flow_status barrier(Step& step, std::uint64_t checkpoint);

  Runtime& runtime_;
  Numbering numbering_;
  std::vector<Step> steps_;
  std::vector<std::size_t> slot_of_edge_;
  std::vector<Slot> slots_;
  std::function<void()> settled_;
  AtBarrier at_barrier_;
  std::function<void()> at_end_;
  std::shared_ptr<Receipts> receipts_;
  MessagePointer message_;
  std::uint64_t number_ = 0;
  std::int64_t gathered_ = 0;
  bool emitted_in_call_ = false;
  std::vector<Ticket> deferred_tickets_;
  std::string trouble_;
};

}  // namespace flowrun
