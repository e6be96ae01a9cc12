#include "operators/common/recommend/item_store.hpp"

#include <algorithm>
#include <utility>

#include "flow/host/key_hash.hpp"

namespace flow::operators::recommend {

uint64_t id_hash(std::string_view id) { return host::hash_bytes(id) >> 7; }

uint32_t ItemStore::add(std::string_view id, int64_t order, int64_t click) {
  const uint64_t hash = id_hash(id);
  const uint32_t number = ids_.insert_slot(hash, id);
  if (number == 0) return 0;
  if (!facts_.grow(uint64_t{number} + 1)) {
    ids_.erase(hash, id);
    return 0;
  }
  ids_.modify_at(0, number).number = number;
  ItemFacts& facts = facts_.edit(number);
  facts = ItemFacts{};
  facts.order = order;
  facts.last = click;
  return number;
}

void ItemStore::erase(uint32_t number) {
  ids_.modify_at(0, number).number = 0;
  ids_.erase(ids_.hash_at(0, number), id(number));
}

std::vector<uint8_t> ItemStore::oldest(double share) {
  std::vector<std::pair<int64_t, uint32_t>> clicks;
  for (uint32_t number = 1; number <= highest(); ++number) {
    if (exists(number)) clicks.emplace_back(facts_[number].last, number);
  }
  std::vector<uint8_t> chosen(uint64_t{highest()} + 1);
  const auto count =
      std::max<size_t>(1, static_cast<size_t>(static_cast<double>(clicks.size()) * share));
  if (clicks.empty()) return chosen;
  std::nth_element(clicks.begin(), clicks.begin() + static_cast<int64_t>(count - 1), clicks.end());
  for (size_t i = 0; i < count; ++i) chosen[clicks[i].second] = 1;
  return chosen;
}

}  // namespace flow::operators::recommend
