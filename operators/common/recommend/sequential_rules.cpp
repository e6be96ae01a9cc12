#include "operators/common/recommend/sequential_rules.hpp"

#include <algorithm>
#include <cstring>

#include "operators/common/prefetch.hpp"

namespace flow::operators::recommend {

std::span<const SequentialRules::Rule> SequentialRules::rules(uint32_t item) {
  if (item >= rows_.size()) return {};
  const Row& row = rows_[item];
  if (row.bits == 0) return {};
  return {items_.read<Rule>(block(row)), size_t{1} << row.bits};
}

// Without a branch: which places are free cannot be foreseen.
std::span<const SequentialRules::Rule> SequentialRules::used(uint32_t item) {
  const std::span<const Rule> all = rules(item);
  if (used_.size() < all.size()) used_.resize(all.size());
  size_t count = 0;
  for (const Rule& rule : all) {
    used_[count] = rule;
    count += rule.item != 0 ? 1 : 0;
  }
  return std::span(used_).first(count);
}

void SequentialRules::insert(std::span<Rule> rules, uint32_t bits, Rule rule) {
  const auto mask = static_cast<uint32_t>(rules.size() - 1);
  uint32_t place = place_of(rule.item, bits);
  while (rules[place].item != 0) place = (place + 1) & mask;
  rules[place] = rule;
}

bool SequentialRules::learn(std::span<const uint32_t> before, uint32_t item) {
  if (!rows_.grow(uint64_t{items_.highest()} + 1)) return false;
  bool complete = true;
  const uint32_t steps = std::min(static_cast<uint32_t>(before.size()), settings_.steps);
  const auto backward = static_cast<uint32_t>(kUnit * settings_.backward);
  for (uint32_t j = 1; j <= steps; ++j) {
    complete = strengthen(before[j - 1], item, kUnit / j) && complete;
    if (backward >= j) complete = strengthen(item, before[j - 1], backward / j) && complete;
  }
  return complete;
}

bool SequentialRules::strengthen(uint32_t from, uint32_t to, uint32_t weight) {
  if (rows_[from].bits == 0 && !resize(from, kFirstBits)) return false;
  const Row& row = rows_[from];
  const uint32_t mask = (uint32_t{1} << row.bits) - 1;
  Rule* const rules = items_.write<Rule>(block(row));
  uint32_t place = place_of(to, row.bits);
  for (; rules[place].item != 0; place = (place + 1) & mask) {
    if (rules[place].item != to) continue;
    // Long before it could overflow; the order stays.
    if (rules[place].weight > UINT32_MAX / 2) {
      for (uint32_t i = 0; i <= mask; ++i) rules[i].weight = (rules[i].weight + 1) / 2;
    }
    rules[place].weight += weight;
    return true;
  }
  if (row.used >= settings_.most || (uint32_t{row.used} + 1) * 4 > (mask + 1) * 3) {
    if (!make_room(from)) return false;
    insert({items_.write<Rule>(block(row)), size_t{1} << row.bits}, row.bits, {to, weight});
  } else {
    rules[place] = {to, weight};
  }
  ++rows_.edit(from).used;
  return true;
}

// For one rule more.
bool SequentialRules::make_room(uint32_t from) {
  const Row& row = rows_[from];
  if (row.used < settings_.most && resize(from, row.bits + 1U)) return true;
  drop_weakest(from);
  return true;
}

bool SequentialRules::resize(uint32_t from, uint32_t bits) {
  const Row old = rows_[from];
  ItemStore::Block larger;
  if (!items_.allocate(static_cast<uint32_t>(sizeof(Rule)) << bits, larger)) return false;
  Row& row = rows_.edit(from);
  row.at = larger.at;
  row.bits = static_cast<uint8_t>(bits);
  if (old.bits == 0) return true;
  const std::span<Rule> to{items_.write<Rule>(larger), size_t{1} << bits};
  const std::span<const Rule> rules{items_.read<Rule>(block(old)), size_t{1} << old.bits};
  for (const Rule& rule : rules) {
    if (rule.item != 0) insert(to, bits, rule);
  }
  items_.free(block(old));
  return true;
}

void SequentialRules::drop_weakest(uint32_t from) {
  const std::span<const Rule> all = used(from);
  kept_.assign(all.begin(), all.end());
  const size_t kept = kept_.size() - std::max<size_t>(1, kept_.size() / 8);
  std::nth_element(kept_.begin(), kept_.begin() + static_cast<int64_t>(kept), kept_.end(),
                   [this](const Rule& a, const Rule& b) {
                     if (a.weight != b.weight) return a.weight > b.weight;
                     return items_[a.item].order < items_[b.item].order;
                   });
  kept_.resize(kept);
  refill(from);
}

void SequentialRules::refill(uint32_t from) {
  Row& row = rows_.edit(from);
  const std::span<Rule> to{items_.write<Rule>(block(row)), size_t{1} << row.bits};
  std::memset(static_cast<void*>(to.data()), 0, to.size_bytes());
  for (const Rule& rule : kept_) insert(to, row.bits, rule);
  row.used = static_cast<uint16_t>(kept_.size());
}

void SequentialRules::score(std::span<const uint32_t> clicks, ScoreBoard& board) {
  const size_t last = std::min<size_t>(clicks.size(), settings_.last);
  for (size_t j = 1; j < last; ++j) prefetch(rules(clicks[j]).data());
  for (size_t j = 0; j < last; ++j) {
    const double factor = 1.0 / static_cast<double>(j + 1);
    for (const Rule& rule : used(clicks[j])) {
      board.add(rule.item, static_cast<double>(rule.weight) * factor);
    }
  }
}

void SequentialRules::list(uint32_t last, std::vector<Ranked>& list) {
  list.clear();
  for (const Rule& rule : used(last)) list.push_back({rule.item, static_cast<double>(rule.weight)});
}

uint32_t SequentialRules::weight(uint32_t last, uint32_t item) {
  const std::span<const Rule> all = rules(last);
  if (all.empty()) return 0;
  const uint32_t bits = rows_[last].bits;
  const auto mask = static_cast<uint32_t>(all.size() - 1);
  for (uint32_t place = place_of(item, bits); all[place].item != 0; place = (place + 1) & mask) {
    if (all[place].item == item) return all[place].weight;
  }
  return 0;
}

uint32_t SequentialRules::rank(uint32_t last, uint32_t item, uint32_t length) {
  const uint32_t own = weight(last, item);
  if (own == 0) return 0;
  uint32_t better = 0;
  uint32_t equal = 0;
  for (const Rule& rule : rules(last)) {
    better += rule.weight > own ? 1 : 0;
    equal += rule.weight == own ? 1 : 0;
  }
  if (better >= length) return 0;
  if (equal > 1) {
    const int64_t order = items_[item].order;
    for (const Rule& rule : rules(last)) {
      if (rule.weight == own && items_[rule.item].order < order) ++better;
    }
  }
  return better < length ? better + 1 : 0;
}

void SequentialRules::purge(std::span<const uint8_t> gone) {
  const auto rows = std::min<uint64_t>(rows_.size(), gone.size());
  for (uint32_t from = 1; from < rows; ++from) {
    if (rows_[from].bits == 0) continue;
    if (gone[from] != 0) {
      items_.free(block(rows_[from]));
      rows_.edit(from) = Row{};
      continue;
    }
    kept_.clear();
    for (const Rule& rule : rules(from)) {
      if (rule.item != 0 && gone[rule.item] == 0) kept_.push_back(rule);
    }
    if (kept_.size() < rows_[from].used) refill(from);
  }
}

}  // namespace flow::operators::recommend
