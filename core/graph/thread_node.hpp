// A node on a thread of its own: what may wait inside a call or for the commit of a checkpoint.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/graph/node.hpp"

namespace flowrun {

class ThreadNode final : public Node {
 public:
  // `is_sink`: nobody waits for what it makes of a message without rows, so that such a one does
  // not wake it: it is dealt with before the next one with rows, or soon. With checkpoints the end
  // of a sink is dealt with, and its operators are closed, in two steps; between them it waits for
  // finish(). `stands_back`: where processors are short, others go first, and rows that come one by
  // one are gathered for some milliseconds, unless memory is short. `finished`: on the node's
  // thread, after all of that, or at an abort.
  ThreadNode(Runtime& runtime, std::string name, bool is_sink, bool stands_back,
             std::function<void()> finished);
  ~ThreadNode() override;

  // Called whenever an operator of the group has settled a deferred input. [any]
  void wake();
  // Before the first message.
  void start(std::unique_ptr<StepGroup> group);
  // Runs on the node's thread between two messages. [any]
  void post(std::function<void(StepGroup&)> command);
  // Behind the last command: its end is durable. [any]
  void finish();

  void accept(MessagePointer message) override;
  bool tend() override;
  std::uint64_t rows_held() const override;
  void close_remaining() override;

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  // False: aborted or failed.
  bool work();
  void run_commands();
  // False: aborted.
  bool wait_for_finish();
  bool is_called() const;  // REQUIRES: mutex_ is held
  // Until there are many rows, somebody calls, or kRest has passed: whoever sends meanwhile need
  // not wake the thread.
  void rest(std::unique_lock<std::mutex>& lock);

  Runtime& runtime_;
  const std::string name_;
  const bool is_sink_;
  const bool stands_back_;
  std::function<void()> finished_;
  std::unique_ptr<StepGroup> group_;
  std::atomic<const StepGroup*> started_{nullptr};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<MessagePointer> queue_;                      // guarded by mutex_
  std::deque<std::function<void(StepGroup&)>> commands_;  // guarded by mutex_
  std::int64_t rows_queued_ = 0;                          // guarded by mutex_
  Clock::time_point told_;   // when tend() last told of messages without rows; guarded by mutex_
  bool woken_ = false;       // guarded by mutex_
  bool pressing_ = false;    // a barrier, the end; guarded by mutex_
  bool resting_ = false;     // guarded by mutex_
  bool may_finish_ = false;  // guarded by mutex_
  bool ticking_ = false;     // a tick is queued; guarded by mutex_
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace flowrun
