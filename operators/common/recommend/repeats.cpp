#include "operators/common/recommend/repeats.hpp"

#include <algorithm>

namespace flow::operators::recommend {
namespace {

// What other items get at least, of 1.
constexpr double kLeastRest = 0.05;
// Of an item that was never repeated at its distance: behind all others, and not without a score.
constexpr double kLeastScore = 1e-300;
// How many cases a context must have had until it counts as much as the distance alone.
constexpr double kDoubt = 20;

constexpr uint32_t kTimes = 5;    // how often the session has the item: 4 is that or more
constexpr uint32_t kLengths = 4;  // of the session, in steps of four clicks

}  // namespace

std::span<const Repeats::Choice> Repeats::choices(std::span<const uint32_t> before) {
  const uint32_t current = before.empty() ? 0 : before.front();
  const bool came_back = std::count(before.begin(), before.end(), current) > 1;
  const uint32_t length = std::min(static_cast<uint32_t>(before.size()) / 4, kLengths - 1);
  size_t n = 0;
  for (uint32_t d = 0; d < before.size(); ++d) {
    const uint32_t item = before[d];
    if (std::find(before.begin(), before.begin() + d, item) != before.begin() + d) continue;
    Choice& choice = choices_[n++];
    choice = {item, d, 0};
    if (!in_context_) continue;
    uint32_t times = 0;
    bool followed = false;
    for (size_t i = 0; i < before.size(); ++i) {
      times += before[i] == item ? 1 : 0;
      followed = followed || (i > 0 && before[i] == current && before[i - 1] == item);
    }
    uint32_t context = d;
    context = context * kTimes + std::min(times, kTimes - 1);
    context = context * 2 + (came_back ? 1 : 0);
    context = context * 2 + (followed ? 1 : 0);
    context = context * kLengths + length;
    choice.context = kDistances + context;
  }
  return std::span(choices_).first(n);
}

bool Repeats::learn(std::span<const uint32_t> before, uint32_t item) {
  if (!counts_.grow(kDistances * (1 + (in_context_ ? kTimes * 2 * 2 * kLengths : 0)))) return false;
  for (const Choice& choice : choices(before)) {
    for (const uint32_t place : {choice.distance, choice.context}) {
      Count& count = counts_.edit(place);
      ++count.possible;
      if (choice.item == item) ++count.repeated;
      if (!in_context_) break;
    }
  }
  return true;
}

double Repeats::share(const Choice& choice) const {
  if (counts_.size() == 0) return 0;
  const double alone = counts_[choice.distance].share();
  if (!in_context_) return alone;
  const Count& count = counts_[choice.context];
  return (static_cast<double>(count.repeated) + kDoubt * alone) /
         (static_cast<double>(count.possible) + kDoubt);
}

void Repeats::mix(std::span<const uint32_t> before, ScoreBoard& board) {
  const std::span<const Choice> session = choices(before);
  // Without the session's own items, which keep their places on the board.
  std::array<bool, kDistances> scored{};
  double total = 0;
  for (size_t i = 0; i < session.size(); ++i) {
    total += share(session[i]);
    scored[i] = board.score(session[i].item) > 0;
    if (scored[i]) board.set(session[i].item, 0);
  }
  const std::span<const uint32_t> items = board.items();
  double sum = 0;
  if (in_context_) {
    sum = sum_in_lanes(items.size(), [&](size_t i) { return board.at(items[i]); });
  } else {
    // One after the other: ties in lists of published models fall as in other implementations.
    for (const uint32_t item : items) sum += board.at(item);
  }
  if (sum > 0) {
    const double factor = std::max(kLeastRest, 1.0 - total) / sum;
    for (const uint32_t item : items) board.set(item, board.at(item) * factor);
  }
  for (size_t i = 0; i < session.size(); ++i) {
    const double score = std::max(share(session[i]), kLeastScore);
    if (scored[i]) {
      board.set(session[i].item, score);
    } else {
      board.add(session[i].item, score);
    }
  }
}

}  // namespace flow::operators::recommend
