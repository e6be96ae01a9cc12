#include "operators/common/recommend/popularity.hpp"

#include <algorithm>

namespace flow::operators::recommend {

bool Popularity::learn(uint32_t item) {
  if (!state_.grow(1)) return false;
  ItemFacts& facts = items_.edit(item);
  if (facts.clicks < UINT32_MAX) ++facts.clicks;
  ++state_.edit(0).learned;
  return true;
}

std::span<const Popularity::Entry> Popularity::entries() const {
  if (state_.size() == 0) return {};
  return std::span(state_[0].entries).first(state_[0].count);
}

void Popularity::refresh() {
  if (state_.size() == 0 || (state_[0].count > 0 && state_[0].learned < state_[0].due)) return;
  List& list = state_.edit(0);
  list.due = list.learned + kEvery;
  list.count = 0;
  const auto before = [this](const Entry& a, const Entry& b) {
    if (a.clicks != b.clicks) return a.clicks > b.clicks;
    return items_[a.item].order < items_[b.item].order;
  };
  for (uint32_t number = 1; number <= items_.highest(); ++number) {
    const Entry entry{number, items_[number].clicks};
    if (entry.clicks == 0) continue;
    if (list.count == kTop) {
      if (!before(entry, list.entries[kTop - 1])) continue;
      --list.count;
    }
    uint32_t place = list.count++;
    for (; place > 0 && before(entry, list.entries[place - 1]); --place) {
      list.entries[place] = list.entries[place - 1];
    }
    list.entries[place] = entry;
  }
}

std::span<const Ranked> Popularity::list() {
  const std::span<const Entry> entries = this->entries();
  if (state_.size() != 0 && ranked_due_ != state_[0].due) {
    ranked_due_ = state_[0].due;
    ranked_.clear();
    for (const Entry& entry : entries) {
      ranked_.push_back({entry.item, static_cast<double>(entry.clicks)});
    }
  }
  return ranked_;
}

void Popularity::purge(std::span<const uint8_t> gone) {
  if (state_.size() == 0) return;
  ranked_due_ = -1;
  List& list = state_.edit(0);
  const auto end = list.entries.begin() + list.count;
  list.count = static_cast<uint32_t>(
      std::remove_if(list.entries.begin(), end,
                     [gone](const Entry& entry) { return gone[entry.item] != 0; }) -
      list.entries.begin());
}

}  // namespace flow::operators::recommend
