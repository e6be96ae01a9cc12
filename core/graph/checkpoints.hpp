// The rounds of barriers that run through a pipeline, and what becomes of what they gather.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/observe/metrics.hpp"

namespace flowrun {

// One checkpoint at a time: begun on a clock; gathered when every participant has answered, or has
// ended and said in what state; then written elsewhere; complete when that is durable.
// One that a participant cannot answer, that takes too long or that cannot be written is abandoned,
// counted, and tried again at the next interval. The sources do not go back for an abandoned one,
// so what sinks have prepared for it stays valid: it is written and committed with the next. When
// every participant has ended, a last checkpoint is made of their ends; that one is tried again
// until it succeeds or the run is aborted.
class Checkpoints {
 public:
  // What a participant says of itself at a barrier or at its end.
  struct Answer {
    std::string state;                                 // of a source, a serial operator
    std::string timing;                                // timers, watermarks
    std::optional<std::string> handle = std::nullopt;  // of a sink, to be committed
  };
  // By participant.
  struct Gathered {
    std::uint64_t checkpoint = 0;
    bool last = false;  // nothing follows
    std::vector<Answer> answers;
    std::vector<std::vector<std::string>> handles;  // not committed yet, oldest first
    std::vector<bool> ended;
  };
  struct Actions {
    std::function<void(std::uint64_t)> begin;  // asks every source for a barrier
    // Begins to make it durable; written() says what came of it. Empty: nothing is stored, and what
    // is gathered is complete.
    std::function<void(const Gathered&)> write;
    std::function<void(std::uint64_t)> abandon;  // may be empty
    // It is durable: sinks commit, sources acknowledge, who has ended may go.
    std::function<void(const Gathered&)> complete;
    std::function<void()> changed;  // tick() has something to do
  };

  // `interval` zero: none at all. `last`: the number of the one that the run goes on from.
  Checkpoints(std::chrono::nanoseconds interval, std::size_t participants, std::uint64_t last,
              Actions actions, PipelineMetrics& metrics);

  bool enabled() const { return interval_.count() > 0; }
  // The first one is not to wait for the interval, and is tried again soon.
  void begin_at_once();
  // Now and then, from one thread.
  void tick(std::chrono::steady_clock::time_point now, std::int64_t wall_clock);
  // Nothing: the participant could not say. [any]
  void answer(std::size_t participant, std::uint64_t checkpoint, std::optional<Answer> answer);
  // The participant takes no further barrier. [any]
  void ended(std::size_t participant, Answer answer);
  // The checkpoint is durable, or why it is not. [any]
  void written(std::uint64_t checkpoint, const std::string& problem);
  std::uint64_t completed() const;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase { kIdle, kGathering, kWriting, kWritten };

  static constexpr std::chrono::seconds kTimeout{60};
  static constexpr std::chrono::seconds kSoon{1};  // until an urgent one is tried again

  bool is_settled() const;
  Gathered gather(bool last);
  void abandon(Clock::time_point now);
  void finish_written(Clock::time_point now, std::int64_t wall_clock);

  const std::chrono::nanoseconds interval_;
  const std::size_t participants_;
  const Actions actions_;
  PipelineMetrics& metrics_;
  mutable std::mutex mutex_;  // guards what follows
  Phase phase_ = Phase::kIdle;
  Clock::time_point next_{}, begun_{}, last_not_before_{};
  std::uint64_t current_ = 0;  // of the phases but kIdle
  std::uint64_t last_ = 0;
  std::uint64_t completed_ = 0;
  bool urgent_ = false;                    // sources wait for the first one
  bool failed_ = false;                    // the current one
  bool all_told_ = false;                  // a complete one has the ends of all
  std::map<std::size_t, Answer> answers_;  // to the current one
  std::map<std::size_t, Answer> ends_;
  std::map<std::size_t, std::vector<std::string>> handles_;  // not committed
  Gathered gathered_;
  std::string problem_;
};

}  // namespace flowrun
