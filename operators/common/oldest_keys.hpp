// Which keys of a full key group are forgotten first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

#include "flow/state.hpp"

namespace flow::operators {

// A key of a group as `KeyedTable` has it, and the time by which it is old.
struct AgedKey {
  int64_t time;
  uint64_t hash;
  uint32_t slot;
  bool operator<(const AgedKey& other) const {
    return std::tie(time, hash, slot) < std::tie(other.time, other.hash, other.slot);
  }
};

// An eighth of the group's keys, at least one if it has any: those for whose record `time_of` gives
// the earliest times, in the order of these. Looks at every key of the group.
template <class Record, class TimeOf>
std::vector<AgedKey> oldest_keys(KeyedTable<Record>& table, uint32_t group, TimeOf time_of) {
  constexpr size_t kShare = 8;
  std::vector<AgedKey> keys;
  table.for_each_slot(group, [&](uint32_t slot, uint64_t hash, std::string_view) {
    keys.push_back({time_of(table.record_at(group, slot)), hash, slot});
  });
  const size_t wanted = std::min(keys.size(), keys.size() / kShare + 1);
  std::partial_sort(keys.begin(), keys.begin() + static_cast<int64_t>(wanted), keys.end());
  keys.resize(wanted);
  return keys;
}

}  // namespace flow::operators
