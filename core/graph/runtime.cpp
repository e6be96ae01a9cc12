#include "core/graph/runtime.hpp"

#include "core/observe/log.hpp"

namespace flowrun {

void Runtime::fail(const std::string& component, const std::string& message) {
  {
    const std::lock_guard lock(failure_mutex_);
    if (failed_.load(std::memory_order_relaxed)) return;
    if (aborted.load()) {
      // Whoever is told to give up waiting may well call that a failure.
      log::info("A component stopped where it was.", {{"component", component}, {"said", message}});
      return;
    }
    failure_ = component.empty() ? message : component + ": " + message;
    failed_.store(true, std::memory_order_release);
  }
  log::error("The pipeline failed.", {{"component", component}, {"error", message}});
  health.failed(failure());
  aborted.store(true);
  signal.notify();
}

std::string Runtime::failure() const {
  const std::lock_guard lock(failure_mutex_);
  return failure_;
}

}  // namespace flowrun
