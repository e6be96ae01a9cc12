// Blocks of a cell's memory, and the values that are kept in them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "operators/common/aggregate_state.hpp"

namespace flow::operators {

// A block as an array of T.
template <class T>
struct Cells {
  T* data = nullptr;
  uint32_t size = 0;

  static Cells edit(StoredBytes stored, uint64_t hash, CellMemory& memory) {
    return {reinterpret_cast<T*>(memory.edit(hash, stored)),
            stored.length / static_cast<uint32_t>(sizeof(T))};
  }
};
template <class T>
std::span<const T> read_block(StoredBytes stored, uint64_t hash, CellMemory& memory) {
  const std::string_view bytes = memory.load(hash, stored);
  return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

inline bool reads_as_text(flow_type type) { return AnyTextView::accepts(type); }

// The value of a number or bool by its bits.
inline uint64_t word_of(const flow_column& column, int64_t row) {
  if (column.type == FLOW_BOOL) return BoolView(column)[row] ? 1 : 0;
  return static_cast<uint64_t>(Int64View(column)[row]);
}

}  // namespace flow::operators
