// The items that are clicked most.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "flow/state_array.hpp"
#include "operators/common/recommend/item_store.hpp"
#include "operators/common/recommend/score_board.hpp"

namespace flow::operators::recommend {

// Counts are in the items' facts. The list is made anew when it is needed and kEvery clicks were
// learned since: a look at every item, less than a nanosecond a click for 100 items.
class Popularity {
 public:
  static constexpr uint32_t kTop = 120;
  static constexpr int64_t kEvery = 256;

  Popularity(Host host, ItemStore& items) : items_(items), state_(host, "popular", 1) {}

  // One click more. False: past the state limit.
  bool learn(uint32_t item);
  // Before a list is tested: brings it up to date if it is time.
  void refresh();
  // The most popular items, by their clicks when they were last looked at.
  std::span<const Ranked> list();
  void purge(std::span<const uint8_t> gone);

 private:
  struct Entry {
    uint32_t item, clicks;
  };
  struct List {
    int64_t learned;
    int64_t due;  // clicks learned
    uint32_t count;
    uint32_t reserved;
    std::array<Entry, kTop> entries;
    std::array<uint64_t, 5> reserved2;
  };
  std::span<const Entry> entries() const;

  ItemStore& items_;
  StateArray<List> state_;
  std::vector<Ranked> ranked_;  // the entries of the state's list
  int64_t ranked_due_ = -1;     // which list that was; -1: none
};

}  // namespace flow::operators::recommend
