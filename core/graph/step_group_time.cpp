// What event time and the clock ask of a group: timers, watermarks, the end of a stream.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/graph/saved_bytes.hpp"
#include "core/graph/step_group.hpp"
#include "flow/host/key_hash.hpp"

namespace flowrun {

flow_status StepGroup::fire(Step& step, flow_time kind, std::int64_t until) {
  while (true) {
    bool any = false;
    const flow_status status = step.instance->fire(kind, until, any, stopwatch_);
    if (status != FLOW_DONE || !any) return status;
    if (emitted_in_call_) return FLOW_MORE;  // what was made goes on first
  }
}

flow_status StepGroup::advance(Step& step, std::int64_t watermark) {
  const flow_status fired = fire(step, FLOW_EVENT_TIME, watermark);
  if (fired != FLOW_DONE || watermark <= step.watermark) return fired;
  if (emitted_in_call_) return FLOW_MORE;
  const flow_status status = step.instance->advance(watermark, stopwatch_);
  if (status == FLOW_DONE) {
    step.watermark = watermark;
    note_watermark(watermark);
  }
  return status;
}

// The end of all streams closes everything; a run that is stopped leaves it to the next one, if
// that goes on from a checkpoint.
flow_status StepGroup::end_time(Step& step) {
  OperatorInstance& instance = *step.instance;
  if (step.advanced || runtime_.pausing()) return FLOW_DONE;
  instance.timers().end();
  for (const flow_time kind : {FLOW_EVENT_TIME, FLOW_PROCESSING_TIME}) {
    const flow_status fired = fire(step, kind, INT64_MAX);
    if (fired != FLOW_DONE) return fired;
  }
  if (emitted_in_call_) return FLOW_MORE;
  const flow_status status = instance.advance(INT64_MAX, stopwatch_);
  if (status != FLOW_DONE) return status;
  step.advanced = true;
  return emitted_in_call_ ? FLOW_MORE : FLOW_DONE;
}

// Whether a timer was set for a time that the watermark has passed already.
bool StepGroup::fires_next(Step& step) {
  return step.watermark != INT64_MIN &&
         step.instance->timers().next(FLOW_EVENT_TIME) <= step.watermark;
}

void StepGroup::note_watermark(std::int64_t watermark) {
  const double seconds = static_cast<double>(watermark) / 1e9;
  for (Step& step : steps_) {
    Gauge& gauge = step.instance->component().metrics->watermark_timestamp;
    if (gauge.value() < seconds) gauge.set(seconds);
  }
}

// Behind a message: the watermark that the operator makes of what it told, and when to look again.
void StepGroup::move_time() {
  Step& step = steps_.front();
  std::int64_t next = step.closed ? INT64_MAX : step.instance->timers().next(FLOW_PROCESSING_TIME);
  if (Watermarks* const made = step.instance->watermarks(); made != nullptr && !step.closed) {
    made->note(message_->open);
    const auto moved = made->advance(runtime_.now(), runtime_.held_up.load());
    next = std::min(next, made->next_look());
    if (moved) {
      flush(false);
      if (!moved->idle && moved->watermark != INT64_MIN) note_watermark(moved->watermark);
      send_control(moved->idle ? Control::kIdle : Control::kWatermark, moved->watermark);
    }
  }
  // The conductor sleeps longer while nobody waits for the clock.
  if (next_tick_.exchange(next) == INT64_MAX && next != INT64_MAX) runtime_.signal.notify();
}

void StepGroup::keep_open(const OpenPartitionsPointer& open) {
  if (open == nullptr) return;
  const auto is_same = [&](const OpenPartitionsPointer& other) {
    return other->source == open->source;
  };
  const auto put = [&](std::vector<OpenPartitionsPointer>& into) {
    const auto known = std::find_if(into.begin(), into.end(), is_same);
    if (known == into.end()) {
      into.push_back(open);
    } else if (*known != open) {
      *known = open;
    } else {
      return false;
    }
    return true;
  };
  if (put(known_open_)) put(unsent_open_);
}

// Behind the rows: those that a deferred answer still holds back belong to what was open before.
void StepGroup::send_open() {
  if (unsent_open_.empty() || outstanding() > 0) return;
  for (const OpenPartitionsPointer& open : std::exchange(unsent_open_, {})) {
    for (Slot& slot : slots_) {
      auto message = std::make_shared<Message>();
      message->number = slot.next_number++;
      message->open = open;
      slot.channel->send(message);
    }
  }
}

void StepGroup::send_control(Control control, std::int64_t value) {
  for (Slot& slot : slots_) {
    auto message = std::make_shared<Message>();
    message->number = slot.next_number++;
    message->control = control;
    message->value = value;
    if (message_ != nullptr) {
      message->ticket = message_->ticket;
      if (control == Control::kEnd) message->open = message_->open;
    }
    slot.channel->send(message);
  }
}

// The watermark that the operator has been told, those that it makes, and timers by key group.
std::string StepGroup::timing() {
  const Step& step = steps_.front();
  SavedWriter out;
  const Watermarks* const made = step.instance->watermarks();
  const Timers& timers = step.instance->timers();
  if (step.watermark == INT64_MIN && made == nullptr && timers.size() == 0) return {};
  out.number(static_cast<std::uint64_t>(step.watermark));
  out.text(made != nullptr ? made->save() : std::string());
  if (timers.size() == 0) return out.take();
  const auto groups = timers.save();
  for (std::size_t group = 0; group < groups.size(); ++group) {
    if (groups[group].empty()) continue;
    out.number(group);
    out.text(groups[group]);
  }
  return out.take();
}

void StepGroup::restore_timing(const std::vector<std::string>& saved, std::size_t instance,
                               std::size_t instances) {
  Step& step = steps_.front();
  for (const std::string& bytes : saved) {
    SavedReader in(bytes);
    step.watermark = std::max(step.watermark, static_cast<std::int64_t>(in.number()));
    const std::string made = in.text();
    if (step.instance->watermarks() != nullptr && !made.empty()) {
      step.instance->watermarks()->load(made);
    }
    while (!in.at_end()) {
      const std::uint64_t group = in.number();
      const std::string timers = in.text();
      if (flow::host::owner_of_group(static_cast<std::uint32_t>(group),
                                     static_cast<std::uint32_t>(instances)) == instance)
        step.instance->timers().load(timers);
    }
  }
  next_tick_.store(0);  // what was restored may be due
}

}  // namespace flowrun
