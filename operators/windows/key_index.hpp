// Where in memory the keys of a batch are found: a cache of a KeyedTable's slots.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "flow/abi.h"
#include "operators/common/prefetch.hpp"

namespace flow::operators {

// An open-addressing table from keys of a fixed size to numbers. What is not in it is looked up
// where it really is. Two to four entries of 16 or 24 bytes a key: in a fuller one a search takes
// several steps, whose number no processor guesses. Not thread-safe.
template <class Key>
class KeyIndex {
  struct Entry {
    Key key{};
    uint32_t number = 0;  // 1 + the number; 0: none
    uint32_t hash = 0;    // its lower half
  };
  static constexpr uint32_t kGone = UINT32_MAX;

 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  KeyIndex() { entries_.resize(kFirst); }

  // For many searches: good until the next insert().
  class Search {
   public:
    explicit Search(const KeyIndex& index)
        : index_(&index), entries_(index.entries_.data()), mask_(index.entries_.size() - 1) {}
    // kNone: not known there. Nearly all are in the first or the second place; which of them no
    // branch depends on.
    uint32_t find(uint64_t hash, const Key& key) const {
      const Entry& first = entries_[hash & mask_];
      const Entry& second = entries_[(hash + 1) & mask_];
      const uint32_t number =
          number_if(first.key == key, first) | number_if(second.key == key, second);
      if (number != 0 && number != kGone) [[likely]] {
        return number - 1;
      }
      return index_->search(hash, key);
    }
    // What find() looks at first, which may be in two lines of the cache.
    void prefetch(uint64_t hash) const {
      const Entry* const entry = entries_ + (hash & mask_);
      operators::prefetch(entry);
      if constexpr (sizeof(Entry) > 16) {
        operators::prefetch(reinterpret_cast<const char*>(entry + 2) - 1);
      }
    }

   private:
    static uint32_t number_if(bool is_it, const Entry& entry) {
      return (0U - static_cast<uint32_t>(is_it)) & entry.number;
    }
    const KeyIndex* index_;
    const Entry* entries_;
    size_t mask_;
  };
  void insert(uint64_t hash, const Key& key, uint32_t number) {
    if ((used_ + 1) * 2 > entries_.size()) grow();
    put({key, number + 1, static_cast<uint32_t>(hash)});
  }
  // All that lead to `number`.
  void erase(uint64_t hash, uint32_t number) {
    const size_t mask = entries_.size() - 1;
    for (size_t at = hash & mask; entries_[at].number != 0; at = (at + 1) & mask) {
      if (entries_[at].number == number + 1) entries_[at].number = kGone;
    }
  }
  size_t bytes() const { return entries_.size() * sizeof(Entry); }

 private:
  static constexpr size_t kFirst = 1024;

  [[gnu::noinline]] uint32_t search(uint64_t hash, const Key& key) const {
    const size_t mask = entries_.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      const Entry& entry = entries_[at];
      if (entry.number == 0) return kNone;
      if (entry.key == key && entry.number != kGone) return entry.number - 1;
    }
  }
  void put(const Entry& entry) {
    const size_t mask = entries_.size() - 1;
    size_t at = entry.hash & mask;
    while (entries_[at].number != 0) at = (at + 1) & mask;
    entries_[at] = entry;
    ++used_;
  }
  // Leaves out what is gone.
  void grow() {
    size_t live = 0;
    for (const Entry& entry : entries_) live += entry.number != 0 && entry.number != kGone ? 1 : 0;
    std::vector<Entry> old(std::bit_ceil(std::max(kFirst, (live + 1) * 3)));
    old.swap(entries_);
    used_ = 0;
    for (const Entry& entry : old) {
      if (entry.number != 0 && entry.number != kGone) put(entry);
    }
  }

  std::vector<Entry> entries_;
  size_t used_ = 0;  // what is gone included
};

// A text of up to 12 bytes, as its view.
struct ShortText {
  uint64_t first;
  uint64_t second;
  bool operator==(const ShortText& other) const {
    return ((first ^ other.first) | (second ^ other.second)) == 0;
  }
  static ShortText of(const flow_view& view) { return std::bit_cast<ShortText>(view); }
};
static_assert(sizeof(ShortText) == sizeof(flow_view));

}  // namespace flow::operators
