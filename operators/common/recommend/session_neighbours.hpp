// Nearest-neighbour recommendation: what sessions like this one had in them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "flow/state_array.hpp"
#include "operators/common/recommend/item_store.hpp"
#include "operators/common/recommend/score_board.hpp"
#include "operators/common/recommend/session_store.hpp"

namespace flow::operators::recommend {

// An index from items to the sessions that clicked them most recently, and two ways to find and use
// a session's neighbours by it. It learns click by click: the session under way is in the index.
//
// State: 20 bytes a session and 4 for each of its items, 16 an item and 4 for each of its sessions,
// both rounded up to a power of two.
class SessionNeighbours {
 public:
  struct Limits {
    uint32_t sessions_per_item = 500;  // of the index: the most recent ones; at most 8,192
    uint32_t items_per_session = 256;  // distinct ones; more are not part of the session; to 8,192
  };
  struct Settings {
    uint32_t sample = 500;      // most recent sessions that are compared
    uint32_t neighbours = 100;  // of them, the most similar ones that are used
    uint32_t last = 10;         // clicks of the session that are compared
    double idf = 1.0;           // how much rare items are preferred; 0: not at all
  };

  SessionNeighbours(Host host, ItemStore& items, SessionStore& sessions, const Limits& limits);

  // A click of the session, the `click`-th of all. False: past the state limit, and the click is
  // not, or only partly, known to the index.
  bool learn(uint32_t session, uint32_t item, int64_t click);
  void forget(uint32_t session);
  // Forgets the items of `gone` (a flag by number).
  void purge(std::span<const uint8_t> gone);

  // V-SKNN as the reference has it: similarity is the sum over shared items of their position in
  // the last clicks / their number; an item's score the sum over neighbours of similarity / how
  // many clicks ago the latest shared item was, times 1 + idf * ln(sessions / those with it).
  // `recent`: the session's items, newest first. The board has begun.
  void score_vsknn(const Settings& settings, uint32_t session, std::span<const uint32_t> recent,
                   int64_t sessions, ScoreBoard& board);
  // VMIS-kNN (Kersbergen, Sprangers, Schelter: Serenade, 2022), as the reference has it.
  void score_vmis(const Settings& settings, uint32_t session, std::span<const uint32_t> recent,
                  int64_t clicks, ScoreBoard& board);

  // Neighbours of the last score.
  uint32_t used() const { return static_cast<uint32_t>(best_.size()); }
  // In how many of them each of the list's items stands; at most 255 items.
  void count(std::span<const Ranked> list, std::vector<uint32_t>& counts);

 private:
  // A session's distinct items, in the order in which they came.
  struct ItemList {
    uint32_t at;
    uint16_t count;
    uint16_t capacity;
  };
  // An item's sessions in a ring, oldest first.
  struct Ring {
    uint32_t at;
    uint16_t first;
    uint16_t count;
    uint16_t capacity;  // a power of two
    uint16_t reserved;
    uint32_t reserved2;
  };
  struct Neighbour {
    uint64_t key;  // similarity, then how recently it was touched
    uint32_t session;
    uint32_t near;
  };
  struct Found {
    int64_t stamp;
    uint32_t session;
    uint32_t reserved;
    double similarity;  // negative: taken out again
  };

  static StoredBytes block(const ItemList& list) {
    return {list.at, list.capacity * static_cast<uint32_t>(sizeof(uint32_t))};
  }
  static ItemStore::Block block(const Ring& ring) {
    return {ring.at, ring.capacity * static_cast<uint32_t>(sizeof(uint32_t))};
  }
  std::span<const uint32_t> items_of(uint32_t session) {
    const ItemList& list = lists_[session];
    return list.count == 0 ? std::span<const uint32_t>()
                           : std::span<const uint32_t>(sessions_.read(block(list)), list.count);
  }
  bool add_item(uint32_t session, uint32_t item);
  bool grow_ring(uint32_t item);
  void move_to_end(uint32_t item, uint32_t session);
  bool append(uint32_t item, uint32_t session);
  void remove(uint32_t item, uint32_t session);

  void begin_search();
  void mark_positions(std::span<const uint32_t> recent);
  void find_candidates(const Settings& settings, uint32_t session);
  void compare_candidates(const Settings& settings);
  void find_recent(const Settings& settings, uint32_t session, std::span<const uint32_t> recent);
  double idf(const Settings& settings, int64_t total, uint32_t sessions);

  ItemStore& items_;
  SessionStore& sessions_;
  Limits limits_;
  StateArray<ItemList> lists_;
  StateArray<int64_t> stamps_;  // the click by which each session was touched last
  StateArray<Ring> rings_;

  // Scratch memory of a search; 4 bytes a session and 1 an item.
  std::vector<uint32_t> marks_;     // by session
  uint32_t search_ = 0;             // what a session is marked with that was met in this one
  std::vector<uint8_t> positions_;  // by item
  std::vector<uint32_t> distinct_;
  std::vector<std::pair<int64_t, uint32_t>> candidates_;
  std::vector<Neighbour> best_;
  std::vector<Found> found_, ranked_;
  std::vector<std::pair<int64_t, uint32_t>> heap_;
  std::vector<std::pair<double, int64_t>> memo_;  // idf by number of sessions, and of which total
};

}  // namespace flow::operators::recommend
