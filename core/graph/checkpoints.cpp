#include "core/graph/checkpoints.hpp"

#include <utility>

#include "core/observe/log.hpp"

namespace flowrun {

Checkpoints::Checkpoints(std::chrono::nanoseconds interval, std::size_t participants,
                         Actions actions, PipelineMetrics& metrics)
    : interval_(interval),
      participants_(participants),
      actions_(std::move(actions)),
      metrics_(metrics) {}

void Checkpoints::tick(std::chrono::steady_clock::time_point now, std::int64_t wall_clock) {
  if (interval_.count() == 0) return;
  std::uint64_t begin = 0;
  {
    const std::lock_guard lock(mutex_);
    if (next_ == std::chrono::steady_clock::time_point{}) next_ = now + interval_;
    if (current_ != 0) {
      std::set<std::size_t> settled = answered_;
      settled.insert(ended_.begin(), ended_.end());
      if (failed_ || now - begun_ > kTimeout) {
        if (!failed_) {
          log::warning("A checkpoint was abandoned: not every component answered in time.",
                       {{"checkpoint", current_}, {"timeout_s", kTimeout.count()}});
        }
        metrics_.checkpoint_failures.add();
        failed_ = false;
        current_ = 0;
      } else if (settled.size() >= participants_) {
        // Handed on under the lock: whoever ends finds its handles either here or on their way.
        actions_.complete(current_, std::exchange(handles_, {}));
        current_ = 0;
        ++completed_;
        const std::chrono::duration<double> took = now - begun_;
        metrics_.checkpoint_last_duration.set(took.count());
        metrics_.checkpoint_last_success_timestamp.set(static_cast<double>(wall_clock) / 1e9);
      }
    }
    if (current_ == 0 && now >= next_ && ended_.size() < participants_) {
      begin = current_ = ++last_;
      answered_.clear();
      begun_ = now;
      next_ = now + interval_;
    }
  }
  if (begin != 0) actions_.begin(begin);
}

void Checkpoints::answer(std::size_t participant, std::uint64_t checkpoint,
                         std::optional<std::string> state) {
  const std::lock_guard lock(mutex_);
  if (state) {
    handles_[participant].push_back(std::move(*state));
    if (checkpoint == current_) answered_.insert(participant);
  } else if (checkpoint == current_) {
    failed_ = true;
  }
}

std::vector<std::string> Checkpoints::ended(std::size_t participant) {
  const std::lock_guard lock(mutex_);
  ended_.insert(participant);
  const auto handles = handles_.extract(participant);
  return handles.empty() ? std::vector<std::string>() : handles.mapped();
}

std::uint64_t Checkpoints::completed() const {
  const std::lock_guard lock(mutex_);
  return completed_;
}

}  // namespace flowrun
