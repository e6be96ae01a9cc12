#include "core/graph/inbox.hpp"

#include <algorithm>
#include <utility>

namespace flowrun {

Inbox::Inbox(std::size_t inputs, std::function<void(MessagePointer)> accept)
    : accept_(std::move(accept)), inputs_(inputs) {}

void Inbox::deliver(std::size_t index, MessagePointer message) {
  const std::lock_guard lock(mutex_);
  Input& input = inputs_[index];
  if (message->number != input.next) {
    input.early[message->number].parts.push_back(std::move(message));
    return;
  }
  bool last = message->last;
  in_order(index, std::move(message));
  while (last) {
    ++input.next;
    const auto due = input.early.find(input.next);
    if (due == input.early.end()) return;
    last = false;
    for (MessagePointer& part : due->second.parts) {
      last = part->last;
      in_order(index, std::move(part));
    }
    input.early.erase(due);
  }
}

void Inbox::in_order(std::size_t index, MessagePointer message) {
  Input& input = inputs_[index];
  if (input.at_barrier) {
    input.blocked.push_back(std::move(message));
    return;
  }
  const bool is_news = message->open != nullptr && message->open != input.open;
  if (is_news) input.open = message->open;
  if (message->open != nullptr && inputs_.size() > 1) {
    message->open = open_.merged(index, message->open, message->control == Control::kEnd);
  }
  const bool tells_time =
      message->control == Control::kWatermark || message->control == Control::kIdle;
  if (tells_time && !input.has_watermarks) message->control = Control::kNone;
  switch (message->control) {
    case Control::kNone:
      if (is_news || !message->batches.empty()) pass(std::move(message));
      return;
    case Control::kClose:
      pass(std::move(message));
      return;
    case Control::kWatermark:
      input.watermark = std::max(input.watermark, message->value);
      input.idle = false;
      pass_watermark(std::move(message));
      return;
    case Control::kIdle:
      input.idle = true;
      pass_watermark(std::move(message));
      return;
    case Control::kTick:
      return;
    case Control::kBarrier:
      input.at_barrier = true;
      input.barrier = message->value;
      release_barrier(std::move(message));
      return;
    case Control::kEnd:
      end(index, std::move(message));
      return;
  }
}

void Inbox::end(std::size_t index, MessagePointer message) {
  inputs_[index].ended = true;
  stopped_ |= message->value == kEndStopped;
  if (std::all_of(inputs_.begin(), inputs_.end(), [](const Input& each) { return each.ended; })) {
    message->value = stopped_ ? kEndStopped : kEndComplete;
    pass(std::move(message));
    return;
  }
  if (message->open != nullptr) {
    message->control = Control::kNone;
    pass(std::move(message));
  }
  // What waited for this input need not any more.
  auto control = std::make_shared<Message>();
  control->control = Control::kWatermark;
  pass_watermark(control);
  control = std::make_shared<Message>();
  control->control = Control::kBarrier;
  release_barrier(std::move(control));
}

void Inbox::expect(std::size_t input, const std::vector<std::string>& sources, bool watermarks) {
  const std::lock_guard lock(mutex_);
  open_.expect(input, sources);
  inputs_[input].has_watermarks = watermarks;
  inputs_[input].idle = !watermarks;
  idle_ = std::all_of(inputs_.begin(), inputs_.end(), [](const Input& each) { return each.idle; });
}

void Inbox::pass(MessagePointer message) {
  message->number = passed_++;
  message->last = true;
  message->epoch = epoch_;
  if (message->control == Control::kBarrier) epoch_ = static_cast<std::uint64_t>(message->value);
  accept_(std::move(message));
}

void Inbox::pass_watermark(MessagePointer message) {
  std::int64_t lowest = INT64_MAX;
  bool idle = true;
  for (const Input& input : inputs_) {
    if (input.ended || input.idle) continue;
    idle = false;
    lowest = std::min(lowest, input.watermark);
  }
  const bool was_idle = std::exchange(idle_, idle);
  if (idle ? was_idle : lowest <= watermark_ && !was_idle) return;
  if (!idle) watermark_ = std::max(watermark_, lowest);
  message->control = idle ? Control::kIdle : Control::kWatermark;
  message->value = watermark_;
  pass(std::move(message));
}

void Inbox::release_barrier(MessagePointer message) {
  bool any = false;
  std::int64_t lowest = INT64_MAX;
  for (const Input& input : inputs_) {
    if (input.ended) continue;
    if (!input.at_barrier) return;
    any = true;
    lowest = std::min(lowest, input.barrier);
  }
  if (!any) return;
  message->control = Control::kBarrier;
  message->value = lowest;
  pass(std::move(message));
  // An input that is at a later barrier (the lower one was abandoned before it got there) stays.
  // All others leave this one before any of them goes on, since one may come to the next at once.
  std::vector<std::size_t> released;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = inputs_[i];
    if (!input.at_barrier || input.barrier != lowest) continue;
    input.at_barrier = false;
    released.push_back(i);
  }
  for (const std::size_t i : released) {
    Input& input = inputs_[i];
    while (!input.blocked.empty() && !input.at_barrier) {
      MessagePointer next = std::move(input.blocked.front());
      input.blocked.pop_front();
      in_order(i, std::move(next));
    }
  }
}

std::size_t Inbox::waiting() const {
  const std::lock_guard lock(mutex_);
  std::size_t waiting = 0;
  for (const Input& input : inputs_) {
    waiting += input.blocked.size();
    for (const auto& [number, parts] : input.early) waiting += parts.parts.size();
  }
  return waiting;
}

}  // namespace flowrun
