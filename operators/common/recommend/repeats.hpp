// How often visitors go back to what they have clicked before.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "flow/state_array.hpp"
#include "operators/common/recommend/score_board.hpp"
#include "operators/common/recommend/session_store.hpp"

namespace flow::operators::recommend {

// Learns the probability that the next item is the one seen d clicks back in the session (0: the
// current one), and mixes it with the scores of another model: an item of the session gets its
// probability, every other one a share of the rest that is proportional to its score. 34 counters
// in all: they find out whether items are repeated at all.
class Repeats {
 public:
  explicit Repeats(Host host) : state_(host, "repeats", 1) {}

  // `before`: the session's items, newest first. False: past the state limit.
  bool learn(std::span<const uint32_t> before, uint32_t item);
  // The board has the other model's scores.
  void mix(std::span<const uint32_t> before, ScoreBoard& board);

 private:
  static constexpr size_t kDistances = Session::kRecent;
  struct Counts {
    std::array<int64_t, kDistances> repeated;
    std::array<int64_t, kDistances> possible;
    std::array<int64_t, 30> reserved;
  };
  // Calls visit(item, distance) for each item once, with its latest click.
  template <class Visit>
  static void for_each_distinct(std::span<const uint32_t> before, Visit visit) {
    for (size_t d = 0; d < before.size(); ++d) {
      size_t earlier = 0;
      while (before[earlier] != before[d]) ++earlier;
      if (earlier == d) visit(before[d], d);
    }
  }

  StateArray<Counts> state_;
};

}  // namespace flow::operators::recommend
