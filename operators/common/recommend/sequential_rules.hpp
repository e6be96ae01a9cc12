// Sequential rules: which items follow an item within a session.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "flow/state_array.hpp"
#include "operators/common/recommend/item_store.hpp"
#include "operators/common/recommend/score_board.hpp"

namespace flow::operators::recommend {

// A click on B gives the rule A -> B of each item A clicked j <= steps clicks before it the weight
// 2520/j, an integer for every j up to 10 (Ludewig, Jannach: Evaluation of session-based
// recommendation algorithms, 2018; the weight there is 1/j), and the rule B -> A `backward` times
// that. The rules of the session's last items are added up, those of the j-th from the end divided
// by j.
//
// A rule costs 8 bytes in an open table of its item that is at most three quarters full. An item
// with `most` rules, or one whose table cannot grow any more for want of state, loses the eighth of
// them that are weakest before it gets another one.
class SequentialRules {
 public:
  static constexpr uint32_t kUnit = 2520;  // of a direct succession

  struct Settings {
    uint32_t steps = 10;  // at most 10
    uint32_t most = 512;  // rules an item, at most 6,144
    double backward = 0;  // 0 to 1
    uint32_t last = 1;    // items of the session whose rules count
  };
  SequentialRules(Host host, ItemStore& items, const Settings& settings)
      : items_(items), rows_(host, "rules", 1), settings_(settings) {}

  // `before`: the session's items, newest first. False: past the state limit, and a rule is
  // missing.
  bool learn(std::span<const uint32_t> before, uint32_t item);
  void score(std::span<const uint32_t> clicks, ScoreBoard& board);
  // What follows `last`, in the order in which score() adds it.
  void list(uint32_t last, std::vector<Ranked>& list);
  // As ScoreBoard::rank where only `last` counts and the filter is open, without a board.
  uint32_t rank(uint32_t last, uint32_t item, uint32_t length);
  // 0: there is no such rule.
  uint32_t weight(uint32_t last, uint32_t item);
  // Forgets rules that begin or end with an item of `gone` (a flag by number).
  void purge(std::span<const uint8_t> gone);

 private:
  struct Rule {
    uint32_t item;  // 0: free
    uint32_t weight;
  };
  struct Row {
    uint32_t at;
    uint16_t used;
    uint8_t bits;  // 2^bits places; 0: none
    uint8_t reserved;
  };
  static constexpr uint32_t kFirstBits = 2;

  static ItemStore::Block block(const Row& row) {
    return {row.at, static_cast<uint32_t>(sizeof(Rule)) << row.bits};
  }
  // The item's table, with its free places.
  std::span<const Rule> rules(uint32_t item);
  // Without them; good until the next call.
  std::span<const Rule> used(uint32_t item);
  static uint32_t place_of(uint32_t item, uint32_t bits) {
    return (item * 0x9E3779B1U) >> (32 - bits);
  }
  static void insert(std::span<Rule> rules, uint32_t bits, Rule rule);
  bool strengthen(uint32_t from, uint32_t to, uint32_t weight);
  bool make_room(uint32_t from);
  bool resize(uint32_t from, uint32_t bits);
  void drop_weakest(uint32_t from);
  // Fills the row with `kept_`.
  void refill(uint32_t from);

  ItemStore& items_;
  StateArray<Row> rows_;
  Settings settings_;
  std::vector<Rule> kept_, used_;
};

}  // namespace flow::operators::recommend
