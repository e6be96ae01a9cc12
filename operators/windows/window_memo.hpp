// What each key group remembers beside its keys: the types of the fields, and how far its windows
// have fired.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "flow/state.hpp"
#include "operators/common/aggregate_state.hpp"
#include "operators/windows/window_keys.hpp"

namespace flow::operators {

class WindowMemo {
 public:
  void open(Output& out) { table_.emplace(out, "groups", 1); }

  // Gives keys and cells the types that they had. The latest window end that has fired.
  int64_t load(WindowKeys& keys, CellSet& cells) {
    int64_t fired = INT64_MIN;
    for (uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
      const Record* record = table_->find(hash_in_group(group), {});
      if (record == nullptr) continue;
      fired = std::max(fired, record->fired);
      known_[group] = true;
      if (types_loaded_) continue;
      const std::string_view bytes = table_->load(hash_in_group(group), record->types);
      std::vector<flow_type> types(bytes.begin(), bytes.end());
      const auto middle = types.begin() + static_cast<int64_t>(keys.fields());
      keys.set_types({types.begin(), middle});
      cells.set_types({middle, types.end()});
      types_loaded_ = true;
    }
    return fired;
  }
  // Before the first row of a group. False: no room.
  bool begin(uint32_t group, const WindowKeys& keys, const CellSet& cells, int64_t fired) {
    if (known_[group]) return true;
    std::string bytes;
    for (const flow_type type : keys.types()) bytes.push_back(static_cast<char>(type));
    for (const flow_type type : cells.types()) bytes.push_back(static_cast<char>(type));
    const auto types = table_->store(hash_in_group(group), bytes);
    if (!types) return false;
    Record* record = table_->insert(hash_in_group(group), {});
    if (record == nullptr) {
      table_->remove(hash_in_group(group), *types);
      return false;
    }
    record->types = *types;
    record->fired = fired;
    known_[group] = true;
    return true;
  }
  void set_fired(int64_t fired) {
    for (uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
      if (known_[group]) table_->modify(hash_in_group(group), {})->fired = fired;
    }
  }
  bool knows(uint32_t group) const { return known_[group]; }

 private:
  struct Record {
    StoredBytes types;  // flow_type as a byte: of the key's fields, then of the aggregates'
    int64_t fired = INT64_MIN;
  };
  std::optional<KeyedTable<Record>> table_;
  std::array<bool, FLOW_KEY_GROUPS> known_{};
  bool types_loaded_ = false;
};

}  // namespace flow::operators
