// What signals mean before, while and after a pipeline runs.
#pragma once

#include <mutex>

#include "core/graph/pipeline.hpp"

namespace flowrun::cli {

// The first signal stops the sources, the second everything, the third the process. [any]
class StopControl {
 public:
  // The pipeline must outlive the call of detach().
  void attach(Pipeline& pipeline);
  void detach();
  bool was_stopped() const;

  // As SignalThread calls it.
  void on_signal(const char* name, int count);

 private:
  mutable std::mutex mutex_;  // guards what follows
  Pipeline* pipeline_ = nullptr;
  int signals_ = 0;
};

class AttachedPipeline {
 public:
  AttachedPipeline(StopControl& control, Pipeline& pipeline) : control_(control) {
    control_.attach(pipeline);
  }
  ~AttachedPipeline() { control_.detach(); }
  AttachedPipeline(const AttachedPipeline&) = delete;
  AttachedPipeline& operator=(const AttachedPipeline&) = delete;

 private:
  StopControl& control_;
};

}  // namespace flowrun::cli
