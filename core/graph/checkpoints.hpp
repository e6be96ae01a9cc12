// The rounds of barriers that run through a pipeline.
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

// One checkpoint at a time: begun on a clock, complete when every participant has answered or has
// ended, abandoned (counted, and tried again at the next interval) when one cannot answer or that
// takes too long. The sources do not go back for an abandoned one, so what sinks have prepared for
// it stays valid and is committed with the next that completes. What it gathers is not written down
// yet.
class Checkpoints {
 public:
  // What participants have answered with and nobody has settled, oldest first.
  using Handles = std::map<std::size_t, std::vector<std::string>>;
  struct Actions {
    std::function<void(std::uint64_t)> begin;  // asks every source for a barrier
    // Sinks commit their handles. Called under the lock: it must only hand them on.
    std::function<void(std::uint64_t, const Handles&)> complete;
  };

  // `interval` zero: none at all.
  Checkpoints(std::chrono::nanoseconds interval, std::size_t participants, Actions actions,
              PipelineMetrics& metrics);

  // Now and then, from one thread.
  void tick(std::chrono::steady_clock::time_point now, std::int64_t wall_clock);
  // Without a state: the participant could not make one. [any]
  void answer(std::size_t participant, std::uint64_t checkpoint, std::optional<std::string> state);
  // The participant takes no further barrier. Returns its handles that are not settled: at a clean
  // end they are its own to commit. [any]
  std::vector<std::string> ended(std::size_t participant);
  std::uint64_t completed() const;

 private:
  static constexpr std::chrono::seconds kTimeout{60};

  const std::chrono::nanoseconds interval_;
  const std::size_t participants_;
  const Actions actions_;
  PipelineMetrics& metrics_;
  mutable std::mutex mutex_;  // guards what follows
  std::chrono::steady_clock::time_point next_{}, begun_{};
  std::uint64_t current_ = 0;  // 0: none under way
  std::uint64_t last_ = 0;
  std::uint64_t completed_ = 0;
  bool failed_ = false;             // the current one
  std::set<std::size_t> answered_;  // the current one
  Handles handles_;
  std::set<std::size_t> ended_;
};

}  // namespace flowrun
