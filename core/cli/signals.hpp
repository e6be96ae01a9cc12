// SIGINT and SIGTERM as calls of an ordinary thread.
#pragma once

#include <functional>
#include <thread>

namespace flowrun::cli {

// From construction to destruction SIGINT and SIGTERM of the process run `on_signal` on a thread of
// its own, with the signal's name and how many came so far, this one included, those within 200 ms
// of one that was counted left out; and a closed pipe is an error of the write, not a signal.
// REQUIRES: constructed before any other thread starts, since threads inherit that the signals are
// blocked.
class SignalThread {
 public:
  using Action = std::function<void(const char* name, int count)>;
  explicit SignalThread(Action on_signal);
  // Waits for an action under way.
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  void listen();

  const Action on_signal_;
  int signals_ = -1;  // file descriptors
  int ended_ = -1;
  std::thread thread_;
};

}  // namespace flowrun::cli
