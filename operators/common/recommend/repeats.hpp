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
// probability, every other one a share of the rest that is proportional to its score. So it finds
// out whether items are repeated at all.
//
// In context, the probability depends also on how often the session has the item, whether the
// current item is one that it came back to, whether the item followed it last time, and how long
// the session is; where little is known of a context, it is near to that of the distance alone.
// Some 1,400 pairs of counters, and about a microsecond a click; else 17 pairs.
class Repeats {
 public:
  Repeats(Host host, bool in_context) : counts_(host, "repeats", 1), in_context_(in_context) {}

  // `before`: the session's items, newest first. False: past the state limit.
  bool learn(std::span<const uint32_t> before, uint32_t item);
  // The board has the other model's scores.
  void mix(std::span<const uint32_t> before, ScoreBoard& board);

 private:
  struct Count {
    int64_t repeated, possible;
    double share() const {
      return static_cast<double>(repeated) / static_cast<double>(possible + 1);
    }
  };
  static constexpr size_t kDistances = Session::kRecent;

  // The items of a session, each once, with the places of their counters.
  struct Choice {
    uint32_t item = 0;
    uint32_t distance = 0;
    uint32_t context = 0;
  };
  std::span<const Choice> choices(std::span<const uint32_t> before);
  double share(const Choice& choice) const;

  StateArray<Count> counts_;  // by distance, then by context
  bool in_context_;
  std::array<Choice, kDistances> choices_;
};

}  // namespace flow::operators::recommend
