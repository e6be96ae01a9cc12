// A session recommender that learns click by click.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/host.hpp"
#include "operators/common/recommend/item_store.hpp"
#include "operators/common/recommend/popularity.hpp"
#include "operators/common/recommend/repeats.hpp"
#include "operators/common/recommend/score_board.hpp"
#include "operators/common/recommend/sequential_rules.hpp"
#include "operators/common/recommend/session_neighbours.hpp"
#include "operators/common/recommend/session_store.hpp"

namespace flow::operators::recommend {

// What scores are made of. Of several parts each is normalised to a sum of 1 over the items that
// the session has not clicked, and they are added by weights that are learned: the share that each
// part had in the scores of the items that came next (expectation maximisation, click by click).
// `repeat` mixes the result with what Repeats knows.
struct Mixture {
  bool rules = false;
  bool strong_rules = false;  // the squared weights of the last item's rules
  bool vsknn = false;
  bool vmis = false;
  bool popular = false;
  bool repeat = false;
  bool in_context = false;  // with `repeat`: as Repeats has it

  int parts() const { return rules + strong_rules + vsknn + vmis + popular; }
};

struct Settings {
  Mixture mixture;
  uint32_t length = 20;  // of a list, at most 100
  SequentialRules::Settings rules;
  SessionNeighbours::Settings neighbours;
  SessionNeighbours::Limits limits;
  uint32_t sessions = 1'000'000;  // kept; the one touched longest ago goes first
  uint32_t items = 100'000;       // kept; the eighth clicked longest ago goes at once
  int64_t expire_after = 0;       // nanoseconds of event time; 0: never
  uint32_t shown = 60;            // items of shown lists that a session remembers
  bool same_category = false;
  bool exclude_session = false;  // items of the session are not recommended again
};

// Why an item is in a list.
struct Reason {
  enum class Kind : uint8_t { kTogether, kFollowed, kRepeated, kPopular };
  Kind kind = Kind::kPopular;
  uint32_t count = 0;  // sessions with it; 2520 times how often it followed; clicks ago; clicks
  uint32_t of = 0;     // kTogether: of so many similar sessions
};

// The state is in the host's pages, the rest is scratch memory: one that is made on the pages of
// another goes on as that one would have. Everything is decided by the order of the calls. Not
// thread-safe. References to sessions are for until the next call.
//
// A click is: expire, session, item, then test, learn, recommend.
class Recommender {
 public:
  // What ids are; all ids of a model are of one kind.
  enum class IdKind : uint8_t { kUnknown, kInteger, kText, kBinary };

  Recommender(Host host, const Settings& settings);

  // The kinds of ids from now on; kUnknown: nothing is known of them yet. False: the state was
  // learned with another kind.
  bool set_session_kind(IdKind kind) { return set_kind(&Totals::session_kind, kind); }
  bool set_item_kind(IdKind kind) { return set_kind(&Totals::item_kind, kind); }
  IdKind item_kind() const { return totals_[0].item_kind; }
  // The clock of the sessions' expiry: forgets what is too old by then.
  void expire(int64_t time);
  // The session's number, made if need be; it is the one touched last then. 0: past the state
  // limit.
  uint32_t session(std::string_view id, int64_t time);
  uint32_t find_session(std::string_view id) {
    const Session* session = sessions_.find(id);
    return session != nullptr ? session->number : 0;
  }
  // The item's number, made if need be. `order`: as ItemFacts has it; nothing: that of its coming.
  uint32_t item(std::string_view id, std::optional<int64_t> order);
  uint32_t find_item(std::string_view id) { return items_.find(id); }
  // Something was said about the item.
  void set_available(uint32_t item, bool available);
  void set_category(uint32_t item, std::string_view category);

  bool has_clicks(uint32_t session) { return sessions_[session].recent_count > 0; }
  // The place of `item` in the list for the session, from 1; 0: it is not in it. The session must
  // have clicks.
  uint32_t test(uint32_t session, uint32_t item);
  // What test() does beside testing, where nobody asks for the rank: without it, learn() would not
  // learn the same.
  void prepare(uint32_t session, uint32_t item);
  // The click goes into the session; `teach`: the models learn from it. False: past the state limit
  // something was left out.
  bool learn(uint32_t session, uint32_t item, bool teach);
  // The list for the session; empty for one without clicks. `reasons`, if wanted, has one an item.
  void recommend(uint32_t session, std::vector<Ranked>& list, std::vector<Reason>* reasons);
  // The session was shown this list.
  bool show(uint32_t session, std::span<const Ranked> list);
  // Whether one of its last lists had the item before the session looked at it, as far as it
  // remembers that: for Session::kRecent clicks.
  bool was_led_to(uint32_t session, uint32_t item);

  ItemStore& items() { return items_; }
  SessionStore& sessions() { return sessions_; }
  // Forgotten since the last call: because a store was full, or by time.
  int64_t take_evicted_sessions() { return std::exchange(evicted_sessions_, 0); }
  int64_t take_evicted_items() { return std::exchange(evicted_items_, 0); }
  int64_t take_expired() { return std::exchange(expired_, 0); }

 private:
  struct Totals {
    int64_t clicks;         // learned, ever
    int64_t kept_clicks;    // of sessions that are there
    int64_t kept_sessions;  // that were learned from
    int64_t latest;         // event time, plus one; 0: none yet
    int64_t next_order;     // of texts
    uint32_t hidden_items;
    IdKind session_kind, item_kind;
    std::array<uint8_t, 18> reserved;
  };
  static_assert(sizeof(Totals) == 64);

  bool set_kind(IdKind Totals::*kind, IdKind value);
  static constexpr std::array<bool Mixture::*, 5> kParts = {
      &Mixture::rules, &Mixture::strong_rules, &Mixture::vsknn, &Mixture::vmis, &Mixture::popular};
  // What each part has had of the items that came next.
  struct Weights {
    std::array<double, kParts.size()> shares;
    std::array<double, 3> reserved;
  };

  bool was_shown(uint32_t session, uint32_t item);
  void forget_session(uint32_t number);
  void purge_items();
  Filter filter_of(const Session& session);
  // Leaves the scores of the session's next item on the board; `item`: whose shares are wanted.
  void score(const Session& session, uint32_t item = 0);
  void score_part(bool Mixture::*part, const Session& session, ScoreBoard& board);
  // The same as a list: each item once, in the order of the board. Until the next call.
  std::span<const Ranked> list_part(bool Mixture::*part, const Session& session);
  double weight_of(size_t part) const;
  void learn_weights();
  void explain(const Session& session, std::span<const Ranked> list, std::vector<Reason>& reasons);

  Settings settings_;
  ItemStore items_;
  SessionStore sessions_;
  StateArray<Totals> totals_;
  SequentialRules rules_;
  SessionNeighbours neighbours_;
  Popularity popularity_;
  Repeats repeats_;
  StateArray<Weights> weights_;
  ScoreBoard board_, part_;
  std::vector<uint8_t> clicked_;  // by item; set only within score()
  std::vector<Ranked> candidates_;
  bool only_rules_;                             // their ranks need no board
  std::array<double, kParts.size()> shares_{};  // of the item that was tested last
  std::vector<uint32_t> dropped_, shown_, counts_;
  int64_t evicted_sessions_ = 0, evicted_items_ = 0, expired_ = 0;
};

}  // namespace flow::operators::recommend
