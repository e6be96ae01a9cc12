// Scores of the items that are candidates for one list.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "operators/common/recommend/item_store.hpp"

namespace flow::operators::recommend {

// An item of a list.
struct Ranked {
  uint32_t item = 0;
  double score = 0;
};

// The sum of value(0) to value(count - 1), in four lanes, so that no addition waits for the one
// before; the order is the same everywhere.
template <class Value>
double sum_in_lanes(size_t count, Value value) {
  std::array<double, 4> lanes{};
  size_t i = 0;
  for (; i + lanes.size() <= count; i += lanes.size()) {
    for (size_t lane = 0; lane < lanes.size(); ++lane) lanes[lane] += value(i + lane);
  }
  for (; i < count; ++i) lanes[0] += value(i);
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

// Which items may stand in a list.
struct Filter {
  bool available = false;          // items that are hidden may not
  bool same_category = false;      // others than those of `category` may not
  uint64_t category = 0;           // 0: not known, every one may
  std::span<const uint32_t> drop;  // these may not

  bool is_open() const { return !available && !same_category && drop.empty(); }
  bool allows(uint32_t item, const ItemFacts& facts) const {
    if (available && facts.hidden != 0) return false;
    if (same_category && category != 0 && facts.category != category) return false;
    for (const uint32_t dropped : drop) {
      if (dropped == item) return false;
    }
    return true;
  }
};

// Scratch memory, 12 bytes an item; nothing is allocated once it has seen as many. Scores are
// positive. Items are remembered in the order in which they were first given one, in which sums
// over all of them are taken, so that they are the same everywhere.
class ScoreBoard {
 public:
  // Before the first add() for items up to `highest`: empties it.
  void begin(uint32_t highest) {
    for (const uint32_t item : items()) scores_[item] = 0;
    count_ = 0;
    if (scores_.size() > highest) return;
    scores_.resize(uint64_t{highest} + 1 + highest / 2);
    items_.resize(scores_.size() + 1);
  }
  // Without a branch: which items come for the first time cannot be foreseen. A score of 0 changes
  // nothing.
  void add(uint32_t item, double score) {
    double& sum = scores_[item];
    items_[count_] = item;
    count_ += static_cast<size_t>(sum == 0) & static_cast<size_t>(score > 0);
    sum += score;
  }
  double score(uint32_t item) const { return item < scores_.size() ? scores_[item] : 0; }
  // Of an item that has been added.
  double at(uint32_t item) const { return scores_[item]; }
  void set(uint32_t item, double score) { scores_[item] = score; }
  std::span<const uint32_t> items() const { return std::span(items_).first(count_); }
  bool empty() const { return count_ == 0; }

  // The best `length` that the filter allows, best first; ties go to the smaller order.
  void top(const ItemStore& facts, const Filter& filter, uint32_t length,
           std::vector<Ranked>& list) const;
  // The place of `item` in that list, from 1; 0: it is not in it.
  uint32_t rank(const ItemStore& facts, const Filter& filter, uint32_t length, uint32_t item) const;

 private:
  std::vector<double> scores_;   // by item; 0: none
  std::vector<uint32_t> items_;  // the first count_; one place more than there are items
  size_t count_ = 0;
};

}  // namespace flow::operators::recommend
