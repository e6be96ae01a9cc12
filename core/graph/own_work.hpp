// Chains that the thread of a source works on itself, because it has time to spare.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

namespace flowrun {

class ChainNode;

// To hand a small batch to the worker pool costs more than most chains take for it, and wakes
// workers that look for more for a while before they sleep again. While this is active, what its
// thread sends to chains is not handed over, but waits here for run(). One a thread.
class OwnWork {
 public:
  OwnWork();
  ~OwnWork();
  OwnWork(const OwnWork&) = delete;
  OwnWork& operator=(const OwnWork&) = delete;

  // Of the calling thread. NULL: it has none that is active.
  static OwnWork* active();

  void activate(bool active) { active_ = active; }
  // A message for the node came.
  void add(ChainNode& node) { added_.push_back(&node); }
  // Until nothing is left of it, and of what the chains sent on meanwhile, which comes first: each
  // branch goes to its end before the next one. What is left after kLongest is handed over after
  // all.
  void run();
  // To the pool, with what comes until it is activated again: for a thread that waits for others in
  // the middle of its own turn.
  void hand_over();

 private:
  static constexpr std::chrono::milliseconds kLongest{2};

  bool active_ = false;
  std::vector<ChainNode*> added_;  // one for each message, since the last call of a node
  std::deque<ChainNode*> nodes_;   // those before
};

// What a thread has used of the processor, and how often it gave the processor away itself.
struct ThreadUse {
  std::chrono::microseconds time;
  std::int64_t waits = 0;
};

// Whether the calling thread has time to spare for the chains behind it: over the last while it
// waited for its input a quarter of the time and was not made to wait by the flow. One that other
// threads kept from the processor did not wait. One that has worked for its chains goes on through
// a short rush: the pool takes twice the processor time for the same rows, and so a rush to which
// the processors give the reason would last.
class SpareTime {
 public:
  using Clock = std::chrono::steady_clock;

  SpareTime();
  // `held_up`: the flow made it wait since it asked last. Costs a call of the kernel each kWindow.
  bool has(Clock::time_point now, bool held_up);

 private:
  static constexpr std::chrono::milliseconds kWindow{10};
  // A thread that had no time is not asked again before: it has some again once others do its work.
  // Each time it turns out that it still had none, twice as long.
  static constexpr std::chrono::milliseconds kShortestPause{20};
  static constexpr std::chrono::milliseconds kLongestPause{1000};
  // Each window of work for the chains in which it had time makes up for one in which it had none,
  // this many at most.
  static constexpr int kMostCalmWindows = 10;

  Clock::time_point since_;
  Clock::time_point not_before_;
  ThreadUse used_;  // when the window began
  std::chrono::milliseconds pause_ = kShortestPause;
  int calm_windows_ = 0;
  bool held_up_ = false;
  bool has_ = false;
};

}  // namespace flowrun
