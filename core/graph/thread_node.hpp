// A node on a thread of its own: sinks, and operators that may wait inside a call.
#pragma once

#include <atomic>
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
  using Command = std::function<void(StepGroup&)>;

  // All on the node's thread: `leave` is called before the end is dealt with, and what it returns
  // runs last before that; `finished` once the end has been dealt with, or at an abort.
  ThreadNode(Runtime& runtime, std::string name, std::function<Command()> leave,
             std::function<void()> finished);
  ~ThreadNode() override;

  // Called whenever an operator of the group has settled a deferred input. [any]
  void wake();
  // Before the first message.
  void start(std::unique_ptr<StepGroup> group);
  // Runs on the node's thread between two messages. [any]
  void post(std::function<void(StepGroup&)> command);

  void accept(MessagePointer message) override;
  bool tend() override;
  std::uint64_t rows_held() const override;
  void close_remaining() override;

 private:
  void run();
  // False: aborted or failed.
  bool work();
  void run_commands();

  Runtime& runtime_;
  const std::string name_;
  std::function<Command()> leave_;
  std::function<void()> finished_;
  std::unique_ptr<StepGroup> group_;
  std::atomic<const StepGroup*> started_{nullptr};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<MessagePointer> queue_;                      // guarded by mutex_
  std::deque<std::function<void(StepGroup&)>> commands_;  // guarded by mutex_
  bool woken_ = false;                                    // guarded by mutex_
  bool ticking_ = false;                                  // a tick is queued; guarded by mutex_
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace flowrun
