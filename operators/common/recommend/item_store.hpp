// The items that a recommender knows, by dense numbers.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "flow/state.hpp"
#include "flow/state_array.hpp"

namespace flow::operators::recommend {

// Hash of an id for tables that live in one key group: the group is the topmost seven bits.
uint64_t id_hash(std::string_view id);

// What is looked at for each item that is scored: 32 bytes.
struct ItemFacts {
  int64_t order = 0;      // of equal scores the smaller one goes first
  int64_t last = 0;       // click by which it was seen last
  uint64_t category = 0;  // hash of its category's text; 0: not known
  uint32_t sessions : 31 = 0;
  uint32_t hidden : 1 = 0;  // not available
  uint32_t clicks = 0;      // UINT32_MAX: that many or more
};

// Numbers are from 1 on; one that was forgotten is given to another item. Not thread-safe.
class ItemStore {
 public:
  explicit ItemStore(Host host) : ids_(host, "items", 1), facts_(host, "item_facts", 1) {}

  // 0: not known.
  uint32_t find(std::string_view id) {
    const Item* item = ids_.find(id_hash(id), id);
    return item != nullptr ? item->number : 0;
  }
  // An id that find() does not know. 0: past the state limit.
  uint32_t add(std::string_view id, int64_t order, int64_t click);
  void erase(uint32_t number);

  // Good until the item is erased.
  std::string_view id(uint32_t number) { return ids_.key_at(0, number); }
  const ItemFacts& operator[](uint32_t number) const { return facts_[number]; }
  ItemFacts& edit(uint32_t number) { return facts_.edit(number); }
  bool exists(uint32_t number) { return ids_.record_at(0, number).number == number; }
  uint32_t size() { return ids_.size(0); }
  // No item has ever had a number above this.
  uint32_t highest() { return ids_.highest_slot(0); }

  // The `share` of the items that were clicked longest ago, as a flag by number.
  std::vector<uint8_t> oldest(double share);

  // Blocks of words for what belongs to items, of a power of two bytes from 16 on. An address of 0
  // and a length of 0: none.
  struct Block {
    uint32_t at = 0;
    uint32_t bytes = 0;
  };
  bool allocate(uint32_t bytes, Block& block) {
    const std::optional<StoredBytes> stored = ids_.allocate(0, bytes);
    if (stored) block = {stored->at, stored->length};
    return stored.has_value();
  }
  void free(Block block) { ids_.remove(0, {block.at, block.bytes}); }
  template <class T>
  const T* read(Block block) {
    return reinterpret_cast<const T*>(ids_.load(0, {block.at, block.bytes}).data());
  }
  template <class T>
  T* write(Block block) {
    return reinterpret_cast<T*>(ids_.edit(0, {block.at, block.bytes}));
  }

 private:
  struct Item {
    uint32_t number = 0;
    uint32_t reserved = 0;
  };
  KeyedTable<Item> ids_;
  StateArray<ItemFacts> facts_;
};

}  // namespace flow::operators::recommend
