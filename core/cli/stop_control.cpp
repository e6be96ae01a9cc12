#include "core/cli/stop_control.hpp"

#include <unistd.h>

#include "core/cli/command.hpp"
#include "core/cli/exit_code.hpp"
#include "core/observe/log.hpp"

namespace flowrun::cli {

void StopControl::attach(Pipeline& pipeline) {
  const std::lock_guard lock(mutex_);
  pipeline_ = &pipeline;
  if (signals_ > 0) pipeline_->stop("signal");
}

void StopControl::detach() {
  const std::lock_guard lock(mutex_);
  pipeline_ = nullptr;
}

bool StopControl::was_stopped() const {
  const std::lock_guard lock(mutex_);
  return signals_ > 0;
}

void StopControl::on_signal(const char* name, int count) {
  if (count >= 3) {
    complain("third signal: gone without a ledger; a component did not come back");
    _exit(kLeftBehind);
  }
  const std::lock_guard lock(mutex_);
  signals_ = count;
  if (count == 1) {
    log::info(
        "Stopping: sources stop, what is on its way is delivered. Another signal stops at once.",
        {{"signal", name}});
    if (pipeline_ != nullptr) pipeline_->stop(name);
  } else if (pipeline_ != nullptr) {
    log::warning("Stopping at once: what is on its way is left behind.", {{"signal", name}});
    pipeline_->abort();
  } else {
    complain("second signal: stopped outside of the run, nothing is on its way");
    _exit(kLeftBehind);
  }
}

}  // namespace flowrun::cli
