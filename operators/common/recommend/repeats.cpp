#include "operators/common/recommend/repeats.hpp"

#include <algorithm>

namespace flow::operators::recommend {
namespace {

// What other items get at least, of 1.
constexpr double kLeastRest = 0.05;
// Of an item that was never repeated at its distance: behind all others, and not without a score.
constexpr double kLeastScore = 1e-300;

}  // namespace

bool Repeats::learn(std::span<const uint32_t> before, uint32_t item) {
  if (!state_.grow(1)) return false;
  Counts& counts = state_.edit(0);
  for_each_distinct(before, [&](uint32_t known, size_t d) {
    ++counts.possible[d];
    if (known == item) ++counts.repeated[d];
  });
  return true;
}

void Repeats::mix(std::span<const uint32_t> before, ScoreBoard& board) {
  const Counts none{};
  const Counts& counts = state_.size() > 0 ? state_[0] : none;
  std::array<double, kDistances> share{};
  std::array<uint32_t, kDistances> items{};
  size_t n = 0;
  double total = 0;
  for_each_distinct(before, [&](uint32_t item, size_t d) {
    share[n] =
        static_cast<double>(counts.repeated[d]) / static_cast<double>(counts.possible[d] + 1);
    total += share[n];
    items[n++] = item;
  });
  // Without the session's own items, which keep their places on the board.
  std::array<bool, kDistances> scored{};
  for (size_t i = 0; i < n; ++i) {
    scored[i] = board.score(items[i]) > 0;
    if (scored[i]) board.set(items[i], 0);
  }
  double sum = 0;
  for (const uint32_t item : board.items()) sum += board.score(item);
  if (sum > 0) {
    const double factor = std::max(kLeastRest, 1.0 - total) / sum;
    for (const uint32_t item : board.items()) board.set(item, board.score(item) * factor);
  }
  for (size_t i = 0; i < n; ++i) {
    const double score = std::max(share[i], kLeastScore);
    if (scored[i]) {
      board.set(items[i], score);
    } else {
      board.add(items[i], score);
    }
  }
}

}  // namespace flow::operators::recommend
