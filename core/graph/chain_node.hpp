// A node on the worker pool: a fused chain with many instances, or a serial operator with one.
#pragma once

#include <oneapi/tbb/flow_graph.h>

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "core/graph/node.hpp"

namespace flowrun {

// Messages start in the order of the inbox. An instance that has no room, or meets passing trouble,
// is set aside with its message and its place is not taken: while one is, no further message
// starts.
class ChainNode final : public Node {
 public:
  // As many messages are worked on at once as there are groups. The graph belongs to the arena in
  // which it was made.
  ChainNode(Runtime& runtime, oneapi::tbb::flow::graph& graph, std::string name,
            std::vector<std::unique_ptr<StepGroup>> groups);

  void accept(MessagePointer message) override;
  // Works on one message on the calling thread, if one may start.
  void work_here() { run(Word::kMessage, Share::kOne); }
  // Has a message worked on by the calling thread's own work, or by the pool.
  void call();
  bool tend() override;
  std::uint64_t rows_held() const override;
  void close_remaining() override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Paused {
    std::unique_ptr<StepGroup> group;
    Backoff backoff;
    Clock::time_point not_before;
  };

  // What a task of the node is for.
  enum class Word : std::uint8_t { kMessage, kResume };

  // How many messages a call works on: all that are there, or one, with a task for the rest.
  enum class Share : std::uint8_t { kAll, kOne };

  void run(Word word, Share share);
  // Works on `group` until its message is done (true) or it was set aside or has failed.
  bool work(std::unique_ptr<StepGroup>& group, Backoff backoff);
  bool privileged(const StepGroup& group);
  bool is_oldest(const StepGroup& group) const;  // REQUIRES: mutex_ is held
  // Queues a tick where time has come for something. Whether the group waits for the clock.
  bool tend_clock();

  Runtime& runtime_;
  oneapi::tbb::flow::graph& graph_;  // does not end while something is set aside
  const std::string name_;
  const StepGroup* const alone_;  // the one group, which may wait for the clock; NULL: several
  mutable std::mutex mutex_;      // guards what follows
  std::vector<std::unique_ptr<StepGroup>> free_;
  std::vector<std::uint64_t> working_;  // numbers of the messages that have begun
  std::deque<Paused> paused_;
  std::deque<MessagePointer> waiting_;
  bool resuming_ = false;
  bool ticking_ = false;  // a tick is queued
  bool ended_ = false;    // the end is queued: no tick follows it
  // Last: nothing runs any more when the rest goes.
  oneapi::tbb::flow::function_node<Word> node_;
};

}  // namespace flowrun
