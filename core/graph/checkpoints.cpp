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
      last_(last) {
  if (enabled() && actions_.write) writer_ = std::thread([this] { write(); });
}

Checkpoints::~Checkpoints() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (writer_.joinable()) writer_.join();
}

void Checkpoints::begin_at_once() {
  const std::lock_guard lock(mutex_);
  urgent_ = true;
  next_ = Clock::now();
}

void Checkpoints::tick(Clock::time_point now, std::int64_t wall_clock) {
  if (!enabled()) return;
  std::uint64_t begin = 0;
  bool complete = false;
  {
    const std::lock_guard lock(mutex_);
    if (next_ == Clock::time_point{}) next_ = now + interval_;
    if (phase_ == Phase::kGathering) {
      if (is_settled()) {
        start_writing(ends_.size() == participants_);
      } else if (failed_ || now - begun_ > kTimeout) {
        if (!failed_) {
          log::warning("A checkpoint was abandoned: not every component answered in time.",
                       {{"checkpoint", current_}, {"timeout_s", kTimeout.count()}});
        }
        abandon(now);
      }
    }
    if (phase_ == Phase::kWritten) {
      if (trouble_) {
        log::warning("A checkpoint could not be written; the next one is tried in its turn.",
                     {{"checkpoint", current_}, {"error", *trouble_}});
        abandon(now);
      } else {
        finish_written(now, wall_clock);
        complete = true;
      }
    }
    if (phase_ == Phase::kIdle && !complete) {
      const bool all_ended = ends_.size() == participants_;
      if (all_ended && !all_told_ && now >= last_not_before_) {
        current_ = ++last_;
        begun_ = now;
        answers_.clear();
        failed_ = false;
        start_writing(true);
      } else if (!all_ended && now >= next_) {
        begin = current_ = ++last_;
        phase_ = Phase::kGathering;
        answers_.clear();
        failed_ = false;
        begun_ = now;
        next_ = now + interval_;
      }
    }
  }
  if (begin != 0) actions_.begin(begin);
  if (complete) {
    actions_.complete(gathered_);
    const std::lock_guard lock(mutex_);
    phase_ = Phase::kIdle;
    current_ = 0;
    ++completed_;
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
void Checkpoints::start_writing(bool last) {
  gathered_ = gather(last);
  trouble_.reset();
  if (actions_.write) {
    phase_ = Phase::kWriting;
    changed_.notify_all();
  } else {
    phase_ = Phase::kWritten;
  }
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
  all_told_ = std::all_of(gathered_.ended.begin(), gathered_.ended.end(),
                          [](bool ended) { return ended; });
  const std::chrono::duration<double> took = now - begun_;
  metrics_.checkpoint_last_duration.set(took.count());
  metrics_.checkpoint_last_success_timestamp.set(static_cast<double>(wall_clock) / 1e9);
}

// The writer's thread.
void Checkpoints::write() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || phase_ == Phase::kWriting; });
    if (stop_) return;
    lock.unlock();
    std::optional<std::string> trouble;
    try {
      trouble = actions_.write(gathered_);
    } catch (const std::exception& error) {
      trouble = error.what();
    }
    lock.lock();
    trouble_ = std::move(trouble);
    phase_ = Phase::kWritten;
    lock.unlock();
    actions_.changed();
    lock.lock();
  }
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

std::uint64_t Checkpoints::completed() const {
  const std::lock_guard lock(mutex_);
  return completed_;
}

}  // namespace flowrun
