#include "core/graph/checkpoints.hpp"

#include <algorithm>
#include <utility>

#include "core/observe/log.hpp"

namespace flowrun {

Checkpoints::Checkpoints(std::chrono::nanoseconds interval, std::size_t participants,
                         std::uint64_t last, Actions actions, PipelineMetrics& metrics)
    : interval_(interval),
      participants_(participants),
      actions_(std::move(actions)),
      metrics_(metrics),
      last_(last) {}

void Checkpoints::begin_at_once() {
  const std::lock_guard lock(mutex_);
  urgent_ = true;
  next_ = Clock::now();
}

void Checkpoints::tick(Clock::time_point now, std::int64_t wall_clock) {
  if (!enabled()) return;
  enum class Todo { kNothing, kBegin, kAbandon, kWrite, kComplete };
  Todo todo = Todo::kNothing;
  std::uint64_t checkpoint = 0;
  {
    const std::lock_guard lock(mutex_);
    if (next_ == Clock::time_point{}) next_ = now + interval_;
    checkpoint = current_;
    const bool all_ended = ends_.size() == participants_;
    if (phase_ == Phase::kIdle && all_ended && !all_told_ && now >= last_not_before_) {
      checkpoint = current_ = ++last_;
      begun_ = now;
      failed_ = false;
      answers_.clear();
      gathered_ = gather(true);
      todo = Todo::kWrite;
    } else if (phase_ == Phase::kIdle && !all_ended && now >= next_) {
      checkpoint = current_ = ++last_;
      phase_ = Phase::kGathering;
      begun_ = now;
      next_ = now + interval_;
      failed_ = false;
      answers_.clear();
      todo = Todo::kBegin;
    } else if (phase_ == Phase::kGathering && is_settled()) {
      gathered_ = gather(false);
      todo = Todo::kWrite;
    } else if (phase_ == Phase::kGathering && (failed_ || now - begun_ > kTimeout)) {
      if (!failed_) {
        log::warning("A checkpoint was abandoned: not every component answered in time.",
                     {{"checkpoint", current_}, {"timeout_s", kTimeout.count()}});
      }
      abandon(now);
      todo = Todo::kAbandon;
    } else if (phase_ == Phase::kWritten && !problem_.empty()) {
      log::warning("A checkpoint could not be written; the next one is tried in its turn.",
                   {{"checkpoint", current_}, {"error", problem_}});
      abandon(now);
    } else if (phase_ == Phase::kWritten) {
      finish_written(now, wall_clock);
      todo = Todo::kComplete;
    }
    if (todo == Todo::kWrite) {
      problem_.clear();
      phase_ = actions_.write ? Phase::kWriting : Phase::kWritten;
    }
  }
  switch (todo) {
    case Todo::kNothing:
      return;
    case Todo::kBegin:
      actions_.begin(checkpoint);
      return;
    case Todo::kAbandon:
      if (actions_.abandon) actions_.abandon(checkpoint);
      return;
    case Todo::kWrite:
      if (actions_.write) actions_.write(gathered_);
      return;
    case Todo::kComplete:
      actions_.complete(gathered_);
      const std::lock_guard lock(mutex_);
      ++completed_;
      return;
  }
}

bool Checkpoints::is_settled() const {
  for (std::size_t i = 0; i < participants_; ++i) {
    if (answers_.count(i) == 0 && ends_.count(i) == 0) return false;
  }
  return true;
}

Checkpoints::Gathered Checkpoints::gather(bool last) {
  Gathered gathered;
  gathered.checkpoint = current_;
  gathered.last = last;
  gathered.answers.resize(participants_);
  gathered.handles.resize(participants_);
  gathered.ended.resize(participants_);
  for (std::size_t i = 0; i < participants_; ++i) {
    const auto answered = answers_.find(i);
    gathered.ended[i] = answered == answers_.end();
    gathered.answers[i] = gathered.ended[i] ? ends_.at(i) : answered->second;
    const auto handles = handles_.find(i);
    if (handles == handles_.end()) continue;
    gathered.handles[i] = handles->second;
    // What it prepared at its end is of a later cut.
    if (!gathered.ended[i] && ends_.count(i) != 0 && ends_.at(i).handle) {
      gathered.handles[i].pop_back();
    }
  }
  return gathered;
}

// Under the lock.
void Checkpoints::abandon(Clock::time_point now) {
  metrics_.checkpoint_failures.add();
  failed_ = true;
  phase_ = Phase::kIdle;
  current_ = 0;
  const std::chrono::nanoseconds soon = kSoon;
  next_ = now + (urgent_ ? std::min(interval_, soon) : interval_);
  last_not_before_ = gathered_.last ? now + soon : now;
}

// Under the lock.
void Checkpoints::finish_written(Clock::time_point now, std::int64_t wall_clock) {
  for (std::size_t i = 0; i < participants_; ++i) {
    const auto handles = handles_.find(i);
    if (handles == handles_.end()) continue;
    const auto committed = static_cast<std::ptrdiff_t>(gathered_.handles[i].size());
    handles->second.erase(handles->second.begin(), handles->second.begin() + committed);
  }
  urgent_ = failed_ = false;
  phase_ = Phase::kIdle;
  current_ = 0;
  all_told_ =
      std::all_of(gathered_.ended.begin(), gathered_.ended.end(), [](bool ended) { return ended; });
  const std::chrono::duration<double> took = now - begun_;
  metrics_.checkpoint_last_duration.set(took.count());
  metrics_.checkpoint_last_success_timestamp.set(static_cast<double>(wall_clock) / 1e9);
}

void Checkpoints::answer(std::size_t participant, std::uint64_t checkpoint,
                         std::optional<Answer> answer) {
  {
    const std::lock_guard lock(mutex_);
    const bool due = checkpoint == current_ && phase_ == Phase::kGathering;
    if (!answer) {
      if (due) failed_ = true;
    } else {
      if (answer->handle) handles_[participant].push_back(*answer->handle);
      if (due) answers_[participant] = std::move(*answer);
    }
  }
  actions_.changed();
}

void Checkpoints::ended(std::size_t participant, Answer answer) {
  {
    const std::lock_guard lock(mutex_);
    if (answer.handle) handles_[participant].push_back(*answer.handle);
    ends_[participant] = std::move(answer);
  }
  actions_.changed();
}

void Checkpoints::written(std::uint64_t checkpoint, const std::string& problem) {
  {
    const std::lock_guard lock(mutex_);
    if (checkpoint != current_ || phase_ != Phase::kWriting) return;
    problem_ = problem;
    phase_ = Phase::kWritten;
  }
  actions_.changed();
}

std::uint64_t Checkpoints::completed() const {
  const std::lock_guard lock(mutex_);
  return completed_;
}

}  // namespace flowrun
