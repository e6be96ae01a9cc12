#include "core/graph/thread_node.hpp"

#include <exception>
#include <utility>

#include "core/graph/system_thread.hpp"
#include "core/observe/log.hpp"
#include "flow/thread_name.hpp"

namespace flowrun {
namespace {

// How long a node sleeps at most before it looks again.
constexpr std::chrono::milliseconds kLook{20};

// How long a node that stands back gathers rows, at most, and how many.
constexpr std::chrono::milliseconds kRest{5};
constexpr std::int64_t kManyRows = 2048;

// More than rows and how far their time is: a barrier, the end.
bool is_pressing(const Message& message) {
  switch (message.control) {
    case Control::kNone:
    case Control::kWatermark:
    case Control::kIdle:
    case Control::kTick:
      return false;
    default:
      return true;
  }
}

// Somebody waits for what is made of it.
bool is_urgent(const Message& message) {
  return is_pressing(message) || message.control == Control::kTick || !message.batches.empty();
}

}  // namespace

ThreadNode::ThreadNode(Runtime& runtime, std::string name, bool is_sink, bool stands_back,
                       std::function<void()> finished)
    : runtime_(runtime),
      name_(std::move(name)),
      is_sink_(is_sink),
      stands_back_(stands_back),
      finished_(std::move(finished)) {}

ThreadNode::~ThreadNode() {
  if (thread_.joinable()) thread_.join();
  // An operator's own thread may still be about to wake this node: its operator waits for it.
  group_.reset();
}

void ThreadNode::start(std::unique_ptr<StepGroup> group) {
  group_ = std::move(group);
  started_.store(group_.get());
  thread_ = std::thread([this] { run(); });
}

void ThreadNode::accept(MessagePointer message) {
  const bool urgent = !is_sink_ || is_urgent(*message);
  if (!urgent) {
    message->ticket.reset();
    message->receipt.give();
  }
  bool notified = urgent;
  {
    const std::lock_guard lock(mutex_);
    pressing_ |= is_pressing(*message);
    rows_queued_ += message->rows();
    queue_.push_back(std::move(message));
    if (resting_) notified = pressing_ || rows_queued_ >= kManyRows;
  }
  if (notified) changed_.notify_one();
}

bool ThreadNode::is_called() const {
  return !commands_.empty() || woken_ || runtime_.aborted.load(std::memory_order_relaxed);
}

void ThreadNode::rest(std::unique_lock<std::mutex>& lock) {
  resting_ = true;
  changed_.wait_for(lock, kRest,
                    [&] { return is_called() || pressing_ || rows_queued_ >= kManyRows; });
  resting_ = false;
}

void ThreadNode::post(std::function<void(StepGroup&)> command) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
  }
  changed_.notify_one();
}

void ThreadNode::finish() {
  {
    const std::lock_guard lock(mutex_);
    may_finish_ = true;
  }
  changed_.notify_one();
}

void ThreadNode::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

bool ThreadNode::tend() {
  if (runtime_.aborted.load(std::memory_order_relaxed)) wake();
  bool untold = false;
  if (is_sink_) {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    untold = !queue_.empty() && now - told_ >= kLook;
    if (untold) told_ = now;
  }
  if (untold) changed_.notify_one();
  const StepGroup* const group = started_.load();
  const std::int64_t next = group != nullptr ? group->next_tick() : INT64_MAX;
  if (next == INT64_MAX) return false;
  const std::int64_t now = runtime_.now();
  if (next > now) return true;
  {
    const std::lock_guard lock(mutex_);
    if (ticking_) return true;
    ticking_ = true;
    queue_.push_back(tick_message(now));
  }
  changed_.notify_one();
  return true;
}

void ThreadNode::run_commands() {
  while (true) {
    std::function<void(StepGroup&)> command;
    {
      const std::lock_guard lock(mutex_);
      if (commands_.empty()) return;
      command = std::move(commands_.front());
      commands_.pop_front();
    }
    command(*group_);
  }
}

void ThreadNode::run() {
  flow::name_thread(name_);
  if (stands_back_) lower_thread_priority();
  bool has_worked = false;
  try {
    while (!ended_ && !runtime_.aborted.load(std::memory_order_relaxed)) {
      {
        std::unique_lock lock(mutex_);
        if (stands_back_ && std::exchange(has_worked, false) && queue_.empty() &&
            runtime_.memory_free()) {
          rest(lock);
        }
        changed_.wait(lock, [&] { return !queue_.empty() || is_called(); });
        woken_ = false;
      }
      run_commands();
      if (group_->collect_settled() == StepGroup::Progress::kFailed) break;
      MessagePointer message;
      {
        const std::lock_guard lock(mutex_);
        if (queue_.empty()) continue;
        message = std::move(queue_.front());
        queue_.pop_front();
        rows_queued_ -= message->rows();
        if (queue_.empty()) pressing_ = false;
        if (message->control == Control::kTick) ticking_ = false;
      }
      const bool end = message->control == Control::kEnd;
      group_->take(std::move(message));
      if (!work()) break;
      has_worked = true;
      if (end && is_sink_ && runtime_.checkpointing) {
        if (!wait_for_finish()) break;
        group_->begin_close();
        if (!work()) break;
      }
      ended_ = end;
    }
  } catch (const std::exception& error) {
    runtime_.fail(name_, error.what());
  }
  finished_();
}

bool ThreadNode::wait_for_finish() {
  while (!runtime_.aborted.load(std::memory_order_relaxed)) {
    run_commands();
    std::unique_lock lock(mutex_);
    if (may_finish_ && commands_.empty()) return true;
    changed_.wait_for(lock, kLook, [&] { return !commands_.empty() || may_finish_; });
  }
  return false;
}

bool ThreadNode::work() {
  Backoff backoff;
  while (!runtime_.aborted.load(std::memory_order_relaxed)) {
    // The node's own thread is the only one that sends for it: its turn is always now.
    switch (group_->proceed([&] { return group_->outputs_empty(); })) {
      case StepGroup::Progress::kDone:
        return true;
      case StepGroup::Progress::kFailed:
        return false;
      case StepGroup::Progress::kPaused: {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kLook, [&] { return woken_; });
        woken_ = false;
        lock.unlock();
        if (group_->collect_settled() == StepGroup::Progress::kFailed) return false;
        break;
      }
      case StepGroup::Progress::kRetry: {
        const auto pause = backoff.next();
        log::warning("A passing trouble is being retried.", {{"component", name_},
                                                             {"error", group_->trouble()},
                                                             {"attempt", backoff.attempts()},
                                                             {"pause_ms", pause.count()}});
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, pause,
                          [&] { return runtime_.aborted.load(std::memory_order_relaxed); });
        break;
      }
    }
  }
  return false;
}

std::uint64_t ThreadNode::rows_held() const { return group_ != nullptr ? group_->rows_held() : 0; }

void ThreadNode::close_remaining() {
  if (thread_.joinable()) thread_.join();
  if (group_ != nullptr) group_->close_steps();
}

}  // namespace flowrun
