#include "operators/common/recommend/score_board.hpp"

namespace flow::operators::recommend {

void ScoreBoard::top(const ItemStore& facts, const Filter& filter, uint32_t length,
                     std::vector<Ranked>& list) const {
  list.clear();
  const bool open = filter.is_open();
  // Below this score an item has no place any more.
  double least = 0;
  for (const uint32_t item : items()) {
    const double score = scores_[item];
    if (score < least) continue;
    if (!open && !filter.allows(item, facts[item])) continue;
    const auto before = [&](const Ranked& other) {
      return score > other.score ||
             (score == other.score && facts[item].order < facts[other.item].order);
    };
    if (list.size() == length) {
      if (!before(list.back())) continue;
      list.pop_back();
    }
    size_t place = list.size();
    list.push_back({item, score});
    for (; place > 0 && before(list[place - 1]); --place) list[place] = list[place - 1];
    list[place] = {item, score};
    if (list.size() == length) least = list.back().score;
  }
}

uint32_t ScoreBoard::rank(const ItemStore& facts, const Filter& filter, uint32_t length,
                          uint32_t item) const {
  const double own = score(item);
  if (own == 0) return 0;
  const bool open = filter.is_open();
  const int64_t order = facts[item].order;
  if (!open && !filter.allows(item, facts[item])) return 0;
  uint32_t rank = 1;
  for (const uint32_t other : items()) {
    const double score = scores_[other];
    if (score < own || other == item) continue;
    if (score == own && facts[other].order > order) continue;
    if (!open && !filter.allows(other, facts[other])) continue;
    if (++rank > length) return 0;
  }
  return rank;
}

}  // namespace flow::operators::recommend
