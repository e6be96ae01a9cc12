#include "core/graph/step_group.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <utility>

#include "core/graph/backoff.hpp"
#include "core/observe/log.hpp"

namespace flowrun {
namespace {

constexpr std::size_t kNoSlot = SIZE_MAX;
// Batches that an operator may emit in one call towards an edge while memory is free.
constexpr std::int64_t kFreeRoom = 16;

// Number of the output called `errors`, or UINT32_MAX.
std::uint32_t errors_port(const flow_descriptor& descriptor) {
  for (std::uint32_t i = 0; i < descriptor.n_outputs; ++i) {
    if (std::string_view(descriptor.outputs[i]->name) == "errors") return i;
  }
  return UINT32_MAX;
}

Accounting accounting_of(const PlanStep& step, const flow_descriptor& descriptor) {
  switch (step.role) {
    case FLOW_ROLE_DECODE:
      return Accounting::kDecoder;
    case FLOW_ROLE_ENCODE:
    case FLOW_ROLE_ENCODE_MESSAGE:
      return Accounting::kEncoder;
    default:
      return descriptor.kind == FLOW_SINK ? Accounting::kSink : Accounting::kOperator;
  }
}

}  // namespace

std::string failure_text(const flow::Batch& letters, OnError on_error) {
  const std::string reason(flow::TextView(*letters.find("reason"))[0]);
  const std::string message(flow::TextView(*letters.find("message"))[0]);
  return on_error == OnError::kStop
             ? "a row failed, and on_error is 'stop': " + reason + ": " + message
             : "a row failed (" + reason + ": " + message +
                   "), but the operator declares no `errors` port";
}

StepGroup::StepGroup(Runtime& runtime, const PlanNode& node,
                     const std::vector<SharedComponent>& components,
                     std::vector<std::unique_ptr<Channel>> channels, Numbering numbering,
                     std::shared_ptr<Receipts> receipts, std::function<void()> settled)
    : runtime_(runtime),
      numbering_(numbering),
      slot_of_edge_(channels.size(), kNoSlot),
      settled_(std::move(settled)),
      receipts_(std::move(receipts)) {
  for (std::size_t edge = 0; edge < channels.size(); ++edge) {
    if (channels[edge] == nullptr) continue;
    slot_of_edge_[edge] = slots_.size();
    slots_.push_back({std::move(channels[edge]), {}, 0});
  }
  closes_by_request_ =
      node.kind == NodeKind::kThread &&
      components[node.steps.front().component].runtime->bound->descriptor().kind == FLOW_SINK;
  for (std::size_t i = 0; i < node.steps.size(); ++i) {
    const PlanStep& plan = node.steps[i];
    const SharedComponent& shared = components[plan.component];
    const bool is_codec = plan.role != FLOW_ROLE_NONE;
    Step step;
    step.plan = &plan;
    step.on_error = shared.runtime->bound->on_error;
    step.errors_port = is_codec ? UINT32_MAX : errors_port(shared.runtime->bound->descriptor());
    step.is_sink = !is_codec && shared.runtime->bound->descriptor().kind == FLOW_SINK;
    step.loses_origin = !is_codec && shared.runtime->bound->descriptor().kind == FLOW_WINDOW;
    const auto to_edge = [](const PlanTarget& target) { return target.to_edge; };
    for (const auto& targets : plan.outputs) {
      step.reaches_edge |= std::any_of(targets.begin(), targets.end(), to_edge);
    }
    try {
      step.instance = std::make_unique<OperatorInstance>(
          runtime, *shared.runtime, is_codec ? shared.codec : shared.component, plan.role,
          accounting_of(plan, shared.runtime->bound->descriptor()), i, *this);
    } catch (const Refusal& refusal) {
      throw std::runtime_error(
          locate(*shared.runtime->specification, is_codec, refusal).to_string());
    }
    if (plan.role == FLOW_ROLE_ENCODE || plan.role == FLOW_ROLE_ENCODE_MESSAGE) {
      flow_component* sink = shared.component;
      const void* asked =
          sink->extension != nullptr ? sink->extension(sink, FLOW_EXTENSION_KEPT_FIELDS) : nullptr;
      if (asked != nullptr) {
        step.kept = std::make_unique<KeptFields>(*static_cast<const flow_kept_fields*>(asked));
      }
    }
    const flow_descriptor& described = shared.runtime->bound->descriptor();
    if (plan.role == FLOW_ROLE_DECODE && (described.traits & FLOW_MESSAGES) != 0) {
      step.messages = std::make_unique<MessageColumns>();
    }
    steps_.push_back(std::move(step));
  }
  // Silence begins with the run, whether or not a message ever comes.
  if (numbering_ == Numbering::kOwn && steps_.front().instance->watermarks() != nullptr) {
    next_tick_.store(0);
  }
}

void StepGroup::take(MessagePointer message) {
  std::uint64_t rows = 0;
  if (message->shares.empty()) {
    rows = static_cast<std::uint64_t>(message->rows());
  } else {
    for (const KeyShare& share : message->shares) rows += share.rows.size();
  }
  message->queued.receive(rows, 0);
  message->receipt.give();
  number_ = message->number;
  epoch_ = message->epoch;
  const std::size_t first_step = message->step;
  const Step& first = steps_[first_step];
  for (std::size_t i = 0; i < message->batches.size(); ++i) {
    if (!message->shares.empty() && message->shares[i].rows.empty()) continue;
    Work& work = add_work(first_step);
    work.port = message->port;
    work.batch = std::move(message->batches[i]);
    if (!message->shares.empty()) work.share = std::move(message->shares[i]);
  }
  if (numbering_ == Numbering::kOwn && first.instance->watermarks() != nullptr &&
      (message->control == Control::kWatermark || message->control == Control::kIdle)) {
    message->control = Control::kNone;  // its own take their place
  }
  if (first.loses_origin) message->open = nullptr;
  // Of control messages only the instance that is alone knows the place in the stream.
  if (message->control != Control::kNone && message->control != Control::kIdle &&
      numbering_ == Numbering::kOwn) {
    Work& work = add_work(first_step);
    work.control = message->control;
    work.value = message->value;
  }
  message->batches.clear();
  message_ = std::move(message);
}

StepGroup::Progress StepGroup::proceed(const std::function<bool()>& privileged) {
  stopwatch_.restart();
  while (true) {
    while (deepest_ > 0 && steps_[deepest_].work.empty()) --deepest_;
    Step& deepest = steps_[deepest_];
    if (deepest.work.empty()) break;
    const bool used_up = deepest.reaches_edge && !runtime_.memory_free();
    if (used_up && !privileged()) {
      flush(false);
      return Progress::kPaused;
    }
    const Progress progress = step_forward(deepest);
    if (progress != Progress::kDone) return progress;
    if (used_up || gathered_ >= kPartBytes) flush(false);
  }
  if (numbering_ == Numbering::kOwn) {
    keep_open(message_->open);
    if (message_->control == Control::kTick) message_->control = Control::kNone;
    if (message_->control == Control::kEnd) {
      next_tick_.store(INT64_MAX);
      if (Watermarks* const made = steps_.front().instance->watermarks()) made->end();
    } else {
      move_time();
    }
  } else if (message_->control == Control::kWatermark) {
    note_watermark(message_->value);
  }
  flush(true);
  if (outstanding() > 0) {
    deferred_tickets_.push_back(message_->ticket);
  } else {
    deferred_tickets_.clear();
  }
  message_.reset();
  return Progress::kDone;
}

StepGroup::Progress StepGroup::step_forward(Step& step) {
  OperatorInstance& instance = *step.instance;
  Work& work = step.work.front();
  if (work.control != Control::kNone && instance.outstanding() > 0) {
    return Progress::kPaused;  // a barrier, a watermark and the end wait for what is outstanding
  }
  emitted_in_call_ = false;
  const flow_status status = call(step, work);
  if (!route_failures(step)) return Progress::kFailed;
  switch (status) {
    case FLOW_DONE:
      if (!release_kept(step, work)) return Progress::kFailed;
      if (step.is_sink && work.batch && message_->ticket != nullptr) {
        const std::int64_t age = runtime_.now() - message_->ticket->born();
        instance.component().metrics->event_age.observe(
            static_cast<double>(age) / 1e9, static_cast<std::uint64_t>(work.batch.rows()));
      }
      instance.publish(epoch_);
      if (work.control == Control::kNone && fires_next(step)) {
        work.control = Control::kWatermark;
        work.value = step.watermark;
        work.batch = {};
        work.share.reset();
        return Progress::kDone;
      }
      step.work.pop();
      return Progress::kDone;
    case FLOW_MORE:
      return Progress::kDone;  // the deeper steps first, then the same work again
    case FLOW_RETRY:
      trouble_ = instance.error();
      return Progress::kRetry;
    default:
      runtime_.fail(instance.component().id,
                    instance.error().empty() ? "failed without a reason" : instance.error());
      return Progress::kFailed;
  }
}

flow_status StepGroup::call(Step& step, Work& work) {
  OperatorInstance& instance = *step.instance;
  switch (work.control) {
    case Control::kNone: {
      const KeyShare* const share = work.share ? &*work.share : nullptr;
      if (step.messages == nullptr)
        return instance.process(work.port, work.batch, share, stopwatch_);
      return instance.process(work.port, step.messages->bytes(work.batch, instance.output()), share,
                              stopwatch_);
    }
    case Control::kWatermark:
      return advance(step, work.value);
    case Control::kTick:
      return step.closed ? FLOW_DONE : fire(step, FLOW_PROCESSING_TIME, work.value);
    case Control::kIdle:
      return FLOW_DONE;
    case Control::kBarrier:
      return barrier(step, static_cast<std::uint64_t>(work.value));
    case Control::kEnd:
      return end(step);
    case Control::kClose:
      return close(step);
  }
  return FLOW_FAILED;
}

// What the step says of itself to a checkpoint.
flow_status StepGroup::capture(Step& step, std::uint64_t checkpoint, Checkpoints::Answer& answer) {
  flow_operator* op = step.instance->abi();
  flow_buffer* bytes = nullptr;
  std::int64_t length = 0;
  const bool prepares = step.is_sink && op->prepare != nullptr;
  // What keyed operators keep stands in their tables.
  const bool keyed = (step.instance->component().bound->descriptor().traits & FLOW_KEYED) != 0;
  const flow_status status = prepares ? op->prepare(op, checkpoint, &bytes, &length)
                             : op->snapshot != nullptr && !keyed ? op->snapshot(op, &bytes, &length)
                                                                 : FLOW_DONE;
  const flow::Buffer owned = flow::Buffer::adopt(bytes);
  if (status != FLOW_DONE) return status;
  std::string state;
  if (bytes != nullptr) {
    state.assign(static_cast<const char*>(bytes->data), static_cast<std::size_t>(length));
  }
  if (prepares) {
    answer.handle = std::move(state);
  } else {
    answer.state = std::move(state);
  }
  answer.timing = timing();
  return FLOW_DONE;
}

flow_status StepGroup::barrier(Step& step, std::uint64_t checkpoint) {
  OperatorInstance& instance = *step.instance;
  std::optional<Checkpoints::Answer> answer(std::in_place);
  const flow_status status = capture(step, checkpoint, *answer);
  if (status == FLOW_RETRY) return status;
  if (status != FLOW_DONE) {
    // Nothing is lost: this checkpoint does not come about and a later one will.
    answer.reset();
    log::warning("A checkpoint could not be prepared.", {{"component", instance.component().id},
                                                         {"checkpoint", checkpoint},
                                                         {"error", instance.error()}});
  }
  if (at_barrier_) at_barrier_(checkpoint, std::move(answer));
  return FLOW_DONE;
}

// With checkpoints the last one is made of what the steps are at their ends. A sink that may wait
// is closed only then; what a paused run was about stays as it is.
flow_status StepGroup::end(Step& step) {
  if (const flow_status timed = end_time(step); timed != FLOW_DONE) return timed;
  const bool keeps = runtime_.checkpointing && at_end_ != nullptr;
  if (keeps && !step.at_end) {
    Checkpoints::Answer answer;
    step.instance->tell_ending(!runtime_.pausing());
    // No barrier may have come by since the run went on from a checkpoint.
    const std::uint64_t last = std::max(epoch_, runtime_.newest_checkpoint) + 1;
    const flow_status status = capture(step, last, answer);
    if (status == FLOW_RETRY) return status;
    if (status != FLOW_DONE) {
      if (runtime_.stores_checkpoints) return status;
      log::warning(
          "A checkpoint could not be prepared.",
          {{"component", step.instance->component().id}, {"error", step.instance->error()}});
    }
    step.at_end = std::move(answer);
  }
  if (!(keeps && closes_by_request_) && !runtime_.pausing()) {
    const flow_status status = close(step);
    if (status != FLOW_DONE) return status;
    // What it held is on its way.
    if (step.at_end && step.emitted_in_close) step.at_end->state.clear();
  }
  if (at_end_) at_end_(step.at_end ? std::move(*step.at_end) : Checkpoints::Answer());
  return FLOW_DONE;
}

flow_status StepGroup::close(Step& step) {
  const flow_status status = step.instance->close(!runtime_.pausing());
  step.emitted_in_close |= emitted_in_call_;
  step.closed = status == FLOW_DONE;
  return status;
}

void StepGroup::begin_close() {
  add_work(0).control = Control::kClose;
  message_ = std::make_shared<Message>();
}

void StepGroup::restore(std::uint32_t version, const std::string& state) {
  Step& step = steps_.front();
  flow_operator* op = step.instance->abi();
  if (op->restore == nullptr) return;
  Backoff backoff;
  flow_status status = FLOW_RETRY;
  for (int attempt = 0; attempt < 5 && status == FLOW_RETRY; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(backoff.next());
    status = op->restore(op, version, state.data(), static_cast<std::int64_t>(state.size()));
  }
  if (status != FLOW_DONE) throw std::runtime_error(step.instance->error());
}

// What an encoder made goes on with its kept fields.
bool StepGroup::release_kept(Step& step, const Work& work) {
  if (step.kept == nullptr || !work.batch) return true;
  try {
    for (const flow::Batch& batch : step.kept->release(work.batch, step.instance->output())) {
      route(step.plan->outputs.front(), batch);
    }
    return true;
  } catch (const std::exception& broken) {
    runtime_.fail(step.instance->component().id, broken.what());
    return false;
  }
}

bool StepGroup::route_failures(Step& step) {
  const flow::Batch letters = step.instance->take_failures();
  if (!letters) return true;
  const std::string& id = step.instance->component().id;
  // What on_error says is for rows that nobody reads.
  if (step.plan->errors.empty()) {
    if (step.on_error == OnError::kDrop) return true;
    runtime_.fail(id, failure_text(letters, step.on_error));
    return false;
  }
  static log::Every every(std::chrono::seconds(10));
  every.write(log::Level::kWarning, "Rows failed.",
              {{"component", id},
               {"rows", letters.rows()},
               {"reason", flow::TextView(*letters.find("reason"))[0]},
               {"example", flow::TextView(*letters.find("message"))[0]}});
  route(step.plan->errors, letters);
  return true;
}

std::int64_t StepGroup::room(std::size_t index, std::uint32_t port) {
  std::int64_t room = kFreeRoom;
  if (port >= steps_[index].plan->outputs.size()) return 1;  // emit says what is wrong with it
  for (const PlanTarget& target : steps_[index].plan->outputs[port]) {
    if (target.to_edge) {
      // Past the limit one batch a call, and what was gathered is sent on before the next.
      const bool free = runtime_.memory_free() && gathered_ < kPartBytes;
      room = std::min<std::int64_t>(room, free ? kFreeRoom : emitted_in_call_ ? 0 : 1);
    } else {
      room = std::min<std::int64_t>(room, steps_[target.index].work.empty() ? 1 : 0);
    }
  }
  return room;
}

void StepGroup::emit(std::size_t index, std::uint32_t port, flow::Batch batch) {
  const auto& outputs = steps_[index].plan->outputs;
  emitted_in_call_ = true;
  if (port >= outputs.size()) {
    runtime_.fail(steps_[index].instance->component().id,
                  "emitted on output " + std::to_string(port) + ", which it does not declare");
    return;
  }
  if (port == steps_[index].errors_port) {
    runtime_.fail(steps_[index].instance->component().id,
                  "emitted rows on its `errors` port: a row leaves there by fail");
    return;
  }
  if (steps_[index].kept != nullptr) {
    steps_[index].kept->hold(std::move(batch));
    return;
  }
  if (steps_[index].messages != nullptr) {
    Step& step = steps_[index];
    batch = step.messages->beside(batch, step.work.front().batch, step.instance->output());
  }
  const std::int64_t most = runtime_.batch_rows;
  if (steps_[index].plan->role != FLOW_ROLE_DECODE || batch.rows() <= most) {
    route(outputs[port], std::move(batch));
    return;
  }
  const flow::Host host = steps_[index].instance->output();
  for (std::int64_t first = 0; first < batch.rows(); first += most) {
    route(outputs[port], host.slice(batch, first, std::min(most, batch.rows() - first)));
  }
}

void StepGroup::route(const std::vector<PlanTarget>& targets, flow::Batch batch) {
  if (targets.empty()) return;
  for (std::size_t i = 0; i + 1 < targets.size(); ++i) hand_on(targets[i], batch);
  hand_on(targets.back(), std::move(batch));
}

void StepGroup::hand_on(const PlanTarget& target, flow::Batch batch) {
  if (target.to_edge) {
    gathered_ += batch_bytes(*batch.get());
    slots_[slot_of_edge_[target.index]].batches.push_back(std::move(batch));
  } else {
    Work& work = add_work(target.index);
    work.port = target.port;
    work.batch = std::move(batch);
  }
}

StepGroup::Work& StepGroup::add_work(std::size_t step) {
  deepest_ = std::max(deepest_, step);
  return steps_[step].work.add();
}

void StepGroup::failed(std::size_t index, const flow_batch* batch, std::int64_t row) {
  if (steps_[index].kept != nullptr) steps_[index].kept->failed(batch, row);
}

void StepGroup::flush(bool last) {
  gathered_ = 0;
  const Control control = last && message_ != nullptr ? message_->control : Control::kNone;
  if (numbering_ == Numbering::kOwn) {
    for (Slot& slot : slots_) {
      if (!slot.batches.empty()) send(slot, slot.next_number++, true, Control::kNone);
    }
    send_open();
    if (control != Control::kNone) send_control(control, message_->value);
    return;
  }
  for (Slot& slot : slots_) {
    // One message for each of the input's, whose last part carries what there is to control.
    if (!slot.batches.empty() && (!last || control != Control::kNone)) {
      send(slot, number_, false, Control::kNone);
    }
    if (last) send(slot, number_, true, control);
  }
}

void StepGroup::send(Slot& slot, std::uint64_t number, bool last, Control control) {
  auto message = std::make_shared<Message>();
  message->number = number;
  message->last = last;
  message->control = control;
  message->batches = std::exchange(slot.batches, {});
  if (message_ != nullptr) {
    message->value = message_->value;
    message->ticket = message_->ticket;
    const bool tells_open = control == Control::kNone || control == Control::kEnd;
    if (last && tells_open && numbering_ == Numbering::kOfInput) {
      message->open = message_->open;
    }
  }
  if (!message->batches.empty()) message->receipt = receipts_->sent(number);
  slot.channel->send(message);
}

std::uint64_t StepGroup::rows_held() const {
  std::int64_t rows = 0;
  for (const Step& step : steps_) {
    for (const Work& work : step.work.waiting()) {
      if (!work.batch) continue;
      rows += work.share ? static_cast<std::int64_t>(work.share->rows.size()) : work.batch.rows();
    }
    rows += step.instance->outstanding_rows();
  }
  for (const Slot& slot : slots_) {
    for (const flow::Batch& batch : slot.batches) rows += batch.rows();
  }
  return static_cast<std::uint64_t>(rows);
}

bool StepGroup::outputs_empty() const {
  // What is numbered here goes out in order whatever its number.
  return receipts_->all_received(numbering_ == Numbering::kOwn ? UINT64_MAX : number_);
}

std::size_t StepGroup::outstanding() const {
  std::size_t count = 0;
  for (const Step& step : steps_) count += step.instance->outstanding();
  return count;
}

StepGroup::Progress StepGroup::collect_settled() {
  for (Step& step : steps_) {
    step.instance->collect_settled();
    if (!route_failures(step)) return Progress::kFailed;
    // An operator that is in the middle of an input publishes when it has done with it.
    if (step.work.empty()) step.instance->publish(epoch_);
  }
  if (outstanding() == 0) deferred_tickets_.clear();
  flush(false);
  return Progress::kDone;
}

void StepGroup::close_steps() {
  for (Step& step : steps_) {
    if (step.closed) continue;
    step.closed = true;
    if (step.instance->close(!runtime_.aborted.load() && !runtime_.pausing()) != FLOW_DONE) {
      log::warning("An operator did not close.", {{"component", step.instance->component().id},
                                                  {"error", step.instance->error()}});
    }
  }
}

void StepGroup::settled(std::size_t) {
  if (settled_) settled_();
}

}  // namespace flowrun
