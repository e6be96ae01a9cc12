// Keyed state of a bounded number of keys.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "operators/common/keyed_rows.hpp"

namespace flow::operators::detectors {

enum class WhenFull : uint8_t { kEvict, kFail };
enum class Refusal : uint8_t { kTooManyKeys, kStateLimit, kKeyTooLong };

// A KeyedTable whose key groups hold a share of the keys each. A group that is full forgets the
// eighth of its keys that were used longest ago, or takes no new one. In which order keys are used
// is all that decides, so a restart changes nothing.
template <class State>
class BoundedTable {
 public:
  struct Record {
    uint64_t turn = 0;  // of the last use, counted in its group
    State state{};
  };

  BoundedTable(Host host, const char* name, uint32_t version, int64_t max_keys, WhenFull when_full)
      : table_(host, name, version),
        most_(static_cast<uint32_t>((max_keys + FLOW_KEY_GROUPS - 1) / FLOW_KEY_GROUPS)),
        when_full_(when_full) {}

  // To be called some keys before find().
  void prefetch(uint64_t hash) { table_.prefetch(hash); }
  // NULL: there is no such key. A use.
  State* find(uint64_t hash, std::string_view key) {
    Record* record = table_.modify(hash, key);
    return record != nullptr ? use(*record, hash) : nullptr;
  }
  // Not a use.
  State* peek(uint64_t hash, std::string_view key) {
    Record* record = table_.modify(hash, key);
    return record != nullptr ? &record->state : nullptr;
  }
  // A key that find() does not know. NULL: refused, see refusal(). What find() and admit() gave
  // before may belong to other keys afterwards.
  State* admit(uint64_t hash, std::string_view key) {
    const uint32_t group = group_of(hash);
    refusal_ = Refusal::kKeyTooLong;
    if (key.size() > KeyedTable<Record>::kLongestBytes) return nullptr;
    if (table_.size(group) >= most_) {
      refusal_ = Refusal::kTooManyKeys;
      if (when_full_ == WhenFull::kFail) return nullptr;
      evict(group);
    }
    Record* record = table_.insert(hash, key);
    if (record == nullptr && when_full_ == WhenFull::kEvict && table_.size(group) > 0) {
      evict(group);
      record = table_.insert(hash, key);
    }
    refusal_ = Refusal::kStateLimit;
    return record != nullptr ? use(*record, hash) : nullptr;
  }
  Refusal refusal() const { return refusal_; }
  // Keys forgotten since the last call.
  int64_t take_evicted() { return std::exchange(evicted_, 0); }
  uint64_t size() { return table_.size(); }

 private:
  static constexpr uint32_t kShare = 8;

  State* use(Record& record, uint64_t hash) {
    uint64_t& turn = turns_[group_of(hash)];
    if (turn == 0) [[unlikely]] {
      turn = last_turn(group_of(hash));
    }
    record.turn = ++turn;
    return &record.state;
  }
  // After a restart, from the records.
  uint64_t last_turn(uint32_t group) {
    uint64_t last = 0;
    table_.for_each(group, [&](uint64_t, std::string_view, const Record& record) {
      last = std::max(last, record.turn);
    });
    return last;
  }
  void evict(uint32_t group) {
    used_.clear();
    table_.for_each(group, [&](uint64_t, std::string_view, const Record& record) {
      used_.push_back(record.turn);
    });
    const auto border = used_.begin() + static_cast<int64_t>((used_.size() - 1) / kShare);
    std::nth_element(used_.begin(), border, used_.end());
    const uint64_t oldest = *border;
    table_.for_each(group, [&](uint64_t hash, std::string_view key, const Record& record) {
      if (record.turn > oldest) return;
      erasures_.add(hash, key);
      ++evicted_;
    });
    erasures_.apply(table_);
  }

  KeyedTable<Record> table_;
  uint32_t most_;
  WhenFull when_full_;
  Refusal refusal_ = Refusal::kTooManyKeys;
  int64_t evicted_ = 0;
  std::array<uint64_t, FLOW_KEY_GROUPS> turns_{};
  std::vector<uint64_t> used_;
  Erasures<Record> erasures_;
};

}  // namespace flow::operators::detectors
