// Names the workers of the pool.
#pragma once

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>

#include <utility>

#include "core/graph/system_thread.hpp"

namespace flowrun {

// While it lives, the workers of an arena are called "worker"; otherwise each has the name of
// whichever thread happened to start it.
class WorkerNames final : public oneapi::tbb::task_scheduler_observer {
 public:
  explicit WorkerNames(oneapi::tbb::task_arena& arena) : task_scheduler_observer(arena) {
    observe(true);
  }
  WorkerNames(const WorkerNames&) = delete;
  WorkerNames& operator=(const WorkerNames&) = delete;
  ~WorkerNames() override { observe(false); }

  // A worker enters the arena each time it wakes.
  void on_scheduler_entry(bool is_worker) override {
    thread_local bool named = false;
    if (is_worker && !std::exchange(named, true)) name_thread("worker");
  }
};

}  // namespace flowrun
