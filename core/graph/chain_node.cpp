#include "core/graph/chain_node.hpp"

#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "core/graph/own_work.hpp"
#include "core/observe/log.hpp"
#include "flow/thread_name.hpp"

namespace flowrun {

namespace flow_graph = oneapi::tbb::flow;

namespace {

// A worker of the pool has the name of whichever thread happened to start it. The thread that waits
// for the graph, the first of the arena, works as well and keeps its own.
void name_worker() {
  thread_local bool named = false;
  if (named || oneapi::tbb::this_task_arena::current_thread_index() == 0) return;
  named = true;
  flow::name_thread("worker");
}

}  // namespace

ChainNode::ChainNode(Runtime& runtime, flow_graph::graph& graph, std::string name,
                     std::vector<std::unique_ptr<StepGroup>> groups)
    : runtime_(runtime),
      graph_(graph),
      name_(std::move(name)),
      alone_(groups.size() == 1 ? groups.front().get() : nullptr),
      free_(std::move(groups)),
      node_(graph, free_.size(), [this](Word word) {
        name_worker();
        run(word, Share::kAll);
        return flow_graph::continue_msg();
      }) {}

// The tasks of the node may start in any order, so the order of messages is kept here.
void ChainNode::accept(MessagePointer message) {
  {
    const std::lock_guard lock(mutex_);
    ended_ |= message->control == Control::kEnd;
    waiting_.push_back(std::move(message));
  }
  call();
}

void ChainNode::call() {
  if (OwnWork* const own = OwnWork::active()) {
    own->add(*this);
  } else {
    node_.try_put(Word::kMessage);
  }
}

void ChainNode::run(Word word, Share share) {
  std::unique_ptr<StepGroup> group;
  Backoff backoff;
  bool resumed = false;
  if (word == Word::kResume) {
    // A word from tend(): the oldest that was set aside goes on.
    const std::lock_guard lock(mutex_);
    resuming_ = false;
    if (paused_.empty()) return;
    group = std::move(paused_.front().group);
    backoff = paused_.front().backoff;
    paused_.pop_front();
    runtime_.waiting_for_room.fetch_sub(1);
    graph_.release_wait();  // this task keeps the graph going from here
    resumed = true;
  }
  while (!runtime_.aborted.load(std::memory_order_relaxed)) {
    if (!resumed) {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty() || !paused_.empty() || free_.empty()) return;
      // The tasks of messages that came while something was set aside are gone: call another.
      if (word == Word::kResume && free_.size() > 1 && waiting_.size() > 1) {
        node_.try_put(Word::kMessage);
      }
      group = std::move(free_.back());
      free_.pop_back();
      if (waiting_.front()->control == Control::kTick) ticking_ = false;
      working_.push_back(waiting_.front()->number);
      group->take(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    resumed = false;
    if (!work(group, std::exchange(backoff, Backoff()))) return;
    if (share == Share::kOne) {
      const std::lock_guard lock(mutex_);
      if (!waiting_.empty()) call();
      return;
    }
  }
  if (group != nullptr) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(group));
  }
}

bool ChainNode::work(std::unique_ptr<StepGroup>& group, Backoff backoff) {
  StepGroup::Progress progress = StepGroup::Progress::kFailed;
  try {
    progress = group->proceed([&] { return privileged(*group); });
  } catch (const std::exception& error) {
    runtime_.fail(name_, error.what());
  }
  const std::lock_guard lock(mutex_);
  if (progress == StepGroup::Progress::kDone || progress == StepGroup::Progress::kFailed) {
    working_.erase(std::find(working_.begin(), working_.end(), group->number()));
    free_.push_back(std::move(group));
    return progress == StepGroup::Progress::kDone;
  }
  Paused paused;
  if (progress == StepGroup::Progress::kRetry) {
    const auto pause = backoff.next();
    log::warning("A passing trouble is being retried.", {{"component", name_},
                                                         {"error", group->trouble()},
                                                         {"attempt", backoff.attempts()},
                                                         {"pause_ms", pause.count()}});
    paused.not_before = Clock::now() + pause;
  }
  paused.backoff = backoff;
  const auto later = std::find_if(paused_.begin(), paused_.end(), [&](const Paused& other) {
    return other.group->number() > group->number();
  });
  paused.group = std::move(group);
  paused_.insert(later, std::move(paused));
  runtime_.waiting_for_room.fetch_add(1);
  graph_.reserve_wait();
  runtime_.signal.notify();
  return false;
}

// The oldest message in the node may go on past the limit, one batch at a time, each once the one
// before has been received: so there is always progress, and what it sends is never out of turn.
bool ChainNode::privileged(const StepGroup& group) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_oldest(group)) return false;
  }
  return group.outputs_empty();
}

bool ChainNode::is_oldest(const StepGroup& group) const {
  return *std::min_element(working_.begin(), working_.end()) == group.number();
}

// The end of the stream keeps the graph going until it has been dealt with, and so every tick
// before it.
bool ChainNode::tend_clock() {
  const std::int64_t next = alone_ != nullptr ? alone_->next_tick() : INT64_MAX;
  if (next == INT64_MAX) return false;
  const std::int64_t now = runtime_.now();
  if (next > now) return true;
  {
    const std::lock_guard lock(mutex_);
    if (ticking_ || ended_ || !paused_.empty() ||
        runtime_.aborted.load(std::memory_order_relaxed)) {
      return true;
    }
    ticking_ = true;
    waiting_.push_back(tick_message(now));
  }
  node_.try_put(Word::kMessage);
  return true;
}

bool ChainNode::tend() {
  const bool waits_for_clock = tend_clock();
  {
    const std::lock_guard lock(mutex_);
    if (paused_.empty()) return waits_for_clock;
    if (resuming_) return true;
    const Paused& first = paused_.front();
    const bool aborted = runtime_.aborted.load(std::memory_order_relaxed);
    if (!aborted && Clock::now() < first.not_before) return true;
    const bool may_go_on =
        runtime_.memory_free() || (is_oldest(*first.group) && first.group->outputs_empty());
    if (!aborted && !may_go_on) return true;
    resuming_ = true;
  }
  node_.try_put(Word::kResume);
  return true;
}

std::uint64_t ChainNode::rows_held() const {
  std::uint64_t rows = 0;
  for (const std::unique_ptr<StepGroup>& group : free_) rows += group->rows_held();
  for (const Paused& paused : paused_) rows += paused.group->rows_held();
  return rows;
}

void ChainNode::close_remaining() {
  const std::lock_guard lock(mutex_);
  for (const std::unique_ptr<StepGroup>& group : free_) group->close_steps();
}

}  // namespace flowrun
