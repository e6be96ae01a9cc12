#include "operators/common/recommend/session_neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace flow::operators::recommend {
namespace {

constexpr uint16_t kFirstCapacity = 4;  // the least block

}  // namespace

SessionNeighbours::SessionNeighbours(Host host, ItemStore& items, SessionStore& sessions,
                                     const Limits& limits)
    : items_(items),
      sessions_(sessions),
      limits_(limits),
      lists_(host, "session_items", 1),
      stamps_(host, "session_clicks", 1),
      rings_(host, "item_sessions", 1) {}

// ---- the index ----

bool SessionNeighbours::add_item(uint32_t session, uint32_t item) {
  const ItemList list = lists_[session];
  if (list.count == list.capacity) {
    ItemList larger = list;
    larger.capacity = static_cast<uint16_t>(std::max<uint32_t>(kFirstCapacity, list.capacity * 2U));
    const auto stored = sessions_.allocate(block(larger).length);
    if (!stored) return false;
    larger.at = stored->at;
    if (list.count > 0) {
      std::memcpy(sessions_.write(*stored), sessions_.read(block(list)),
                  list.count * sizeof(uint32_t));
      sessions_.free(block(list));
    }
    lists_.edit(session) = larger;
  }
  ItemList& grown = lists_.edit(session);
  sessions_.write(block(grown))[grown.count++] = item;
  return true;
}

bool SessionNeighbours::grow_ring(uint32_t item) {
  const Ring ring = rings_[item];
  Ring larger = ring;
  larger.capacity = static_cast<uint16_t>(std::max<uint32_t>(kFirstCapacity, ring.capacity * 2U));
  larger.first = 0;
  ItemStore::Block stored;
  if (!items_.allocate(block(larger).bytes, stored)) return false;
  larger.at = stored.at;
  if (ring.capacity > 0) {
    const uint32_t* const from = items_.read<uint32_t>(block(ring));
    uint32_t* const to = items_.write<uint32_t>(stored);
    const uint32_t mask = ring.capacity - 1U;
    for (uint32_t i = 0; i < ring.count; ++i) to[i] = from[(ring.first + i) & mask];
    items_.free(block(ring));
  }
  rings_.edit(item) = larger;
  return true;
}

bool SessionNeighbours::append(uint32_t item, uint32_t session) {
  bool grown = true;
  if (rings_[item].count == rings_[item].capacity &&
      rings_[item].count < limits_.sessions_per_item) {
    grown = grow_ring(item);
  }
  Ring& ring = rings_.edit(item);
  if (ring.capacity == 0) return false;
  const uint32_t mask = ring.capacity - 1U;
  // Full for good, or for want of state: the oldest one goes.
  if (ring.count >= limits_.sessions_per_item || ring.count == ring.capacity) {
    ring.first = static_cast<uint16_t>((ring.first + 1U) & mask);
    --ring.count;
  }
  items_.write<uint32_t>(block(ring))[(ring.first + ring.count) & mask] = session;
  ++ring.count;
  return grown;
}

// Of a session that may have dropped out of the ring.
void SessionNeighbours::move_to_end(uint32_t item, uint32_t session) {
  const Ring& ring = rings_[item];
  if (ring.count == 0) {
    append(item, session);
    return;
  }
  const uint32_t* const read = items_.read<uint32_t>(block(ring));
  const uint32_t mask = ring.capacity - 1U;
  uint32_t at = ring.count;
  while (at > 0 && read[(ring.first + at - 1) & mask] != session) --at;
  if (at == ring.count) return;
  if (at == 0) {
    append(item, session);
    return;
  }
  uint32_t* const write = items_.write<uint32_t>(block(ring));
  for (; at < ring.count; ++at) {
    write[(ring.first + at - 1) & mask] = write[(ring.first + at) & mask];
  }
  write[(ring.first + ring.count - 1U) & mask] = session;
}

// Sessions that are forgotten stand near the ring's beginning.
void SessionNeighbours::remove(uint32_t item, uint32_t session) {
  if (rings_[item].count == 0) return;
  const uint32_t* const read = items_.read<uint32_t>(block(rings_[item]));
  const uint32_t mask = rings_[item].capacity - 1U;
  uint32_t at = 0;
  while (at < rings_[item].count && read[(rings_[item].first + at) & mask] != session) ++at;
  if (at == rings_[item].count) return;
  Ring& ring = rings_.edit(item);
  uint32_t* const write = items_.write<uint32_t>(block(ring));
  for (; at > 0; --at) write[(ring.first + at) & mask] = write[(ring.first + at - 1) & mask];
  ring.first = static_cast<uint16_t>((ring.first + 1U) & mask);
  --ring.count;
}

bool SessionNeighbours::learn(uint32_t session, uint32_t item, int64_t click) {
  if (!lists_.grow(uint64_t{session} + 1) || !stamps_.grow(uint64_t{session} + 1) ||
      !rings_.grow(uint64_t{item} + 1)) {
    return false;
  }
  stamps_.edit(session) = click;
  const std::span<const uint32_t> known = items_of(session);
  if (std::find(known.begin(), known.end(), item) != known.end()) {
    move_to_end(item, session);
    return true;
  }
  if (known.size() >= limits_.items_per_session) return true;
  if (!add_item(session, item)) return false;
  ++items_.edit(item).sessions;
  return append(item, session);
}

void SessionNeighbours::forget(uint32_t session) {
  if (session >= lists_.size() || lists_[session].capacity == 0) return;
  for (const uint32_t item : items_of(session)) {
    --items_.edit(item).sessions;
    remove(item, session);
  }
  sessions_.free(block(lists_[session]));
  lists_.edit(session) = ItemList{};
}

void SessionNeighbours::purge(std::span<const uint8_t> gone) {
  const auto sessions =
      static_cast<uint32_t>(std::min<uint64_t>(lists_.size(), uint64_t{sessions_.highest()} + 1));
  const auto is_gone = [gone](uint32_t item) { return gone[item] != 0; };
  for (uint32_t session = 1; session < sessions; ++session) {
    const std::span<const uint32_t> known = items_of(session);
    if (std::none_of(known.begin(), known.end(), is_gone)) continue;
    ItemList& list = lists_.edit(session);
    uint32_t* const items = sessions_.write(block(list));
    list.count = static_cast<uint16_t>(std::remove_if(items, items + list.count, is_gone) - items);
  }
  const auto items = std::min<uint64_t>(rings_.size(), gone.size());
  for (uint32_t item = 1; item < items; ++item) {
    if (gone[item] == 0 || rings_[item].capacity == 0) continue;
    items_.free(block(rings_[item]));
    rings_.edit(item) = Ring{};
  }
}

// ---- searches ----

void SessionNeighbours::begin_search() {
  // Marks of a search are above those of the ones before.
  search_ += static_cast<uint32_t>(found_.size()) + 1;
  found_.clear();
  if (search_ > UINT32_MAX / 2) {
    std::fill(marks_.begin(), marks_.end(), 0);
    search_ = 1;
  }
  if (marks_.size() <= sessions_.highest()) {
    marks_.resize(uint64_t{sessions_.highest()} + 1 + sessions_.highest() / 2);
  }
  if (positions_.size() <= items_.highest()) {
    positions_.resize(uint64_t{items_.highest()} + 1 + items_.highest() / 2);
  }
  best_.clear();
}

// Positions count from 1, the oldest click; of an item that was clicked twice it is the latest one.
void SessionNeighbours::mark_positions(std::span<const uint32_t> recent) {
  distinct_.clear();
  for (size_t i = 0; i < recent.size(); ++i) {
    if (positions_[recent[i]] != 0) continue;
    positions_[recent[i]] = static_cast<uint8_t>(recent.size() - i);
    distinct_.push_back(recent[i]);
  }
}

void SessionNeighbours::find_candidates(const Settings& settings, uint32_t session) {
  candidates_.clear();
  for (const uint32_t item : distinct_) {
    if (item >= rings_.size() || rings_[item].count == 0) continue;
    const Ring& ring = rings_[item];
    const uint32_t* const sessions = items_.read<uint32_t>(block(ring));
    const uint32_t mask = ring.capacity - 1U;
    for (uint32_t i = 0; i < ring.count; ++i) {
      const uint32_t other = sessions[(ring.first + i) & mask];
      if (marks_[other] == search_ || other == session) continue;
      marks_[other] = search_;
      candidates_.emplace_back(0, other);
      stamps_.prefetch(other);
    }
  }
  if (candidates_.size() <= settings.sample) return;
  for (auto& [stamp, other] : candidates_) stamp = stamps_[other];
  std::nth_element(candidates_.begin(), candidates_.begin() + settings.sample, candidates_.end(),
                   std::greater<>());
  candidates_.resize(settings.sample);
}

void SessionNeighbours::compare_candidates(const Settings& settings) {
  constexpr size_t kAhead = 8;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    if (i + 2 * kAhead < candidates_.size()) {
      lists_.prefetch(candidates_[i + 2 * kAhead].second);
    }
    if (i + kAhead < candidates_.size()) {
      __builtin_prefetch(items_of(candidates_[i + kAhead].second).data());
    }
    const uint32_t other = candidates_[i].second;
    uint32_t sum = 0;
    uint32_t near = 0;
    for (const uint32_t item : items_of(other)) {
      const uint32_t position = positions_[item];
      sum += position;
      near = std::max(near, position);
    }
    if (sum == 0) continue;
    best_.push_back({uint64_t{sum} << 48 | static_cast<uint64_t>(stamps_[other]), other, near});
  }
  const auto more = [](const Neighbour& a, const Neighbour& b) { return a.key > b.key; };
  if (best_.size() > settings.neighbours) {
    std::nth_element(best_.begin(), best_.begin() + settings.neighbours, best_.end(), more);
    best_.resize(settings.neighbours);
  }
  // Sums are taken in this order.
  std::sort(best_.begin(), best_.end(), more);
}

double SessionNeighbours::idf(const Settings& settings, int64_t total, uint32_t sessions) {
  constexpr uint32_t kRemembered = 4096;
  if (sessions >= kRemembered) {
    return settings.idf * std::log(static_cast<double>(total) / static_cast<double>(sessions));
  }
  if (memo_.empty()) memo_.resize(kRemembered, {0, -1});
  auto& [value, known_total] = memo_[sessions];
  if (known_total != total) {
    known_total = total;
    value = settings.idf * std::log(static_cast<double>(total) / static_cast<double>(sessions));
  }
  return value;
}

void SessionNeighbours::score_vsknn(const Settings& settings, uint32_t session,
                                    std::span<const uint32_t> recent, int64_t sessions,
                                    ScoreBoard& board) {
  begin_search();
  const std::span<const uint32_t> last =
      recent.first(std::min<size_t>(recent.size(), settings.last));
  const auto n = static_cast<double>(last.size());
  mark_positions(last);
  find_candidates(settings, session);
  compare_candidates(settings);
  for (const uint32_t item : distinct_) positions_[item] = 0;
  for (const Neighbour& neighbour : best_) {
    const double similarity = static_cast<double>(neighbour.key >> 48);
    const double weight = similarity / n / (n - static_cast<double>(neighbour.near) + 1.0);
    for (const uint32_t item : items_of(neighbour.session)) board.add(item, weight);
  }
  if (settings.idf == 0) return;
  for (const uint32_t item : board.items()) {
    board.set(item, board.at(item) * (1.0 + idf(settings, sessions, items_[item].sessions)));
  }
}

// Takes the most recently touched sessions, at most `sample` of them.
void SessionNeighbours::find_recent(const Settings& settings, uint32_t session,
                                    std::span<const uint32_t> recent) {
  heap_.clear();
  const auto n = static_cast<double>(recent.size());
  const auto unique = static_cast<double>(distinct_.size());
  size_t live = 0;
  // A mark above search_ says where the session stands in found_.
  for (size_t p = 0; p < recent.size(); ++p) {
    const uint32_t item = recent[p];
    const auto position = static_cast<uint32_t>(recent.size() - p);
    if (positions_[item] != position) continue;  // clicked again later
    if (item >= rings_.size() || rings_[item].count == 0) continue;
    const double weight = (n - static_cast<double>(p)) / unique;
    const Ring& ring = rings_[item];
    const uint32_t* const sessions = items_.read<uint32_t>(block(ring));
    const uint32_t mask = ring.capacity - 1U;
    for (uint32_t i = 0; i < ring.count; ++i) {
      stamps_.prefetch(sessions[(ring.first + i) & mask]);
    }
    uint32_t seen = 0;
    for (uint32_t i = ring.count; i > 0; --i) {
      const uint32_t other = sessions[(ring.first + i - 1) & mask];
      if (other == session) continue;
      if (++seen > settings.sample) break;
      const uint32_t mark = marks_[other];
      if (mark > search_ && found_[mark - search_ - 1].similarity >= 0) {
        found_[mark - search_ - 1].similarity += weight;
        continue;
      }
      const int64_t stamp = stamps_[other];
      if (live == settings.sample) {
        if (stamp <= heap_.front().first) break;
        std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
        found_[heap_.back().second].similarity = -1;
        heap_.pop_back();
        --live;
      }
      heap_.emplace_back(stamp, static_cast<uint32_t>(found_.size()));
      std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
      marks_[other] = search_ + 1 + static_cast<uint32_t>(found_.size());
      found_.push_back({stamp, other, 0, weight});
      ++live;
    }
  }
}

void SessionNeighbours::score_vmis(const Settings& settings, uint32_t session,
                                   std::span<const uint32_t> recent, int64_t clicks,
                                   ScoreBoard& board) {
  begin_search();
  const std::span<const uint32_t> last =
      recent.first(std::min<size_t>(recent.size(), settings.last));
  mark_positions(last);
  find_recent(settings, session, last);
  ranked_.clear();
  for (const Found& found : found_) {
    if (found.similarity >= 0) ranked_.push_back(found);
  }
  const auto more = [](const Found& a, const Found& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.stamp > b.stamp;
  };
  if (ranked_.size() > settings.neighbours) {
    std::nth_element(ranked_.begin(), ranked_.begin() + settings.neighbours, ranked_.end(), more);
    ranked_.resize(settings.neighbours);
  }
  std::sort(ranked_.begin(), ranked_.end(), more);
  for (const Found& found : ranked_) {
    const std::span<const uint32_t> items = items_of(found.session);
    uint32_t near = 0;
    for (const uint32_t item : items) near = std::max<uint32_t>(near, positions_[item]);
    if (near == 0) continue;
    best_.push_back({0, found.session, near});
    const auto ago = static_cast<double>(last.size() - near + 1);
    const double weight = (1.0 - 0.1 * ago) * found.similarity;
    for (const uint32_t item : items) {
      const double rare = idf(settings, clicks, items_[item].sessions);
      board.add(item, rare > 0 ? weight * rare : weight);
    }
  }
  for (const uint32_t item : distinct_) positions_[item] = 0;
}

void SessionNeighbours::count(std::span<const Ranked> list, std::vector<uint32_t>& counts) {
  counts.assign(list.size(), 0);
  for (size_t i = 0; i < list.size(); ++i) {
    positions_[list[i].item] = static_cast<uint8_t>(i + 1);
  }
  for (const Neighbour& neighbour : best_) {
    for (const uint32_t item : items_of(neighbour.session)) {
      if (positions_[item] != 0) ++counts[positions_[item] - 1U];
    }
  }
  for (const Ranked& ranked : list) positions_[ranked.item] = 0;
}

}  // namespace flow::operators::recommend
