// Columns as the host makes them: the Arrow layout over retained buffers.
#pragma once

#include <bit>
#include <cstring>
#include <new>
#include <vector>

#include "flow/host/memory.hpp"

namespace flow::host {

inline bool is_view(flow_type type) {
  return type == FLOW_TEXT || type == FLOW_BINARY || type == FLOW_JSON;
}

inline bool bit(const void* bits, int64_t index) {
  return (static_cast<const uint8_t*>(bits)[index >> 3] >> (index & 7)) & 1;
}

// Zero bits in [first, first + n) of a validity bitmap.
inline int64_t count_nulls(const void* validity, int64_t first, int64_t n) {
  int64_t present = 0;
  int64_t i = first;
  const int64_t end = first + n;
  for (; i < end && (i & 7) != 0; ++i) present += bit(validity, i);
  for (; i + 64 <= end; i += 64) {
    uint64_t word;
    std::memcpy(&word, static_cast<const uint8_t*>(validity) + (i >> 3), sizeof word);
    present += std::popcount(word);
  }
  for (; i < end; ++i) present += bit(validity, i);
  return n - present;
}

// The struct and all of its pointer arrays are one allocation. Nothing is reachable that it has not
// retained: its buffers, children and dictionary live as long as it does.
class Column final : public Counted<Column, flow_column> {
 public:
  // Throws std::bad_alloc. `offset` as in ArrowArray: rows before the column's first.
  static Column* make(MemoryAccount& account, const flow_column_parts& parts, int64_t offset = 0) {
    const int64_t n_buffers = parts.type == FLOW_STRUCT ? 1
                              : is_view(parts.type)     ? parts.n_data + 3
                                                        : 2;
    const int64_t sizes = is_view(parts.type) ? parts.n_data : 0;
    const auto bytes = static_cast<int64_t>(
        sizeof(Column) + sizeof(void*) * static_cast<size_t>(n_buffers + parts.n_data) +
        2 * sizeof(void*) * static_cast<size_t>(parts.n_children) +
        sizeof(int64_t) * static_cast<size_t>(sizes));
    void* memory = std::malloc(static_cast<size_t>(bytes));
    if (memory == nullptr) {
      throw std::bad_alloc();
    }
    auto* column = new (memory) Column(account, bytes);
    column->fill(parts, offset, n_buffers);
    account.charge(bytes);
    return column;
  }

  // The rows [first, first + n), sharing the buffers. A struct's offset stays 0, so that its
  // children can be read by themselves: they are sliced, and its validity bits are copied.
  static Column* slice(MemoryAccount& account, const flow_column& column, int64_t first,
                       int64_t n) {
    const Column& self = *of(&column);
    flow_column_parts parts = self.parts();
    parts.rows = n;
    parts.null_count = -1;
    if (column.type != FLOW_STRUCT) {
      // An empty column begins at 0: Arrow C++ refuses one of no rows behind an offset.
      return make(account, parts, n == 0 ? 0 : self.array_.offset + first);
    }
    std::vector<const flow_column*> sliced;
    for (int64_t i = 0; i < column.n_children; ++i) {
      sliced.push_back(slice(account, *column.children[i], first, n));
    }
    parts.children = sliced.data();
    Buffer* validity = nullptr;
    if (self.validity_ != nullptr) {
      validity = Buffer::allocate(account, (n + 7) / 8);
      auto* bits = static_cast<uint8_t*>(validity->data);
      std::memset(bits, 0, static_cast<size_t>((n + 7) / 8));
      for (int64_t i = 0; i < n; ++i) {
        bits[i >> 3] |= static_cast<uint8_t>(bit(self.validity_->data, first + i) << (i & 7));
      }
      parts.validity = validity;
    }
    Column* result = make(account, parts);
    for (const flow_column* child : sliced) release(child);
    host::release(validity);
    return result;
  }

  static void destroy(Column* column) {
    MemoryAccount& account = column->account_;
    const int64_t charged = column->charged_;
    host::release(column->validity_);
    host::release(column->values_);
    for (int64_t i = 0; i < column->n_data; ++i) host::release(column->data[i]);
    for (int64_t i = 0; i < column->n_children; ++i) release(column->children[i]);
    if (column->dictionary != nullptr) release(column->dictionary);
    column->~Column();
    std::free(column);
    account.release(charged);
  }

  flow_column_parts parts() const {
    return {.size = sizeof(flow_column_parts),
            .type = type,
            .rows = array_.length,
            .null_count = array_.null_count,
            .validity = validity_,
            .values = values_,
            .data = data,
            .n_data = n_data,
            .children = children,
            .n_children = n_children,
            .dictionary = dictionary};
  }

 private:
  Column(MemoryAccount& account, int64_t charged) : account_(account), charged_(charged) {}

  void fill(const flow_column_parts& parts, int64_t offset, int64_t n_buffers) {
    // The arrays behind the struct: Arrow buffers, data, children, Arrow children, sizes.
    auto** pointers = reinterpret_cast<void**>(this + 1);
    auto** buffers = const_cast<const void**>(pointers);
    pointers += n_buffers;
    auto** data_array = reinterpret_cast<flow_buffer**>(pointers);
    pointers += parts.n_data;
    auto** child_array = const_cast<const flow_column**>(reinterpret_cast<flow_column**>(pointers));
    pointers += parts.n_children;
    auto** arrow_children = reinterpret_cast<ArrowArray**>(pointers);
    pointers += parts.n_children;
    auto* sizes = reinterpret_cast<int64_t*>(pointers);

    type = parts.type;
    validity_ = parts.validity;
    values_ = parts.values;
    host::retain(validity_);
    host::retain(values_);
    for (int64_t i = 0; i < parts.n_data; ++i) {
      data_array[i] = parts.data[i];
      host::retain(data_array[i]);
    }
    data = data_array;
    n_data = parts.n_data;
    for (int64_t i = 0; i < parts.n_children; ++i) {
      retain(parts.children[i]);
      child_array[i] = parts.children[i];
      arrow_children[i] = const_cast<ArrowArray*>(parts.children[i]->array);
    }
    children = child_array;
    n_children = parts.n_children;
    dictionary = parts.dictionary;
    if (dictionary != nullptr) retain(dictionary);

    array_.length = parts.rows;
    array_.offset = offset;
    array_.null_count = validity_ == nullptr    ? 0
                        : parts.null_count >= 0 ? parts.null_count
                                                : count_nulls(validity_->data, offset, parts.rows);
    buffers[0] = validity_ != nullptr ? validity_->data : nullptr;
    if (n_buffers > 1) buffers[1] = values_ != nullptr ? values_->data : nullptr;
    if (is_view(type)) {
      for (int64_t i = 0; i < n_data; ++i) {
        buffers[2 + i] = data[i]->data;
        sizes[i] = data[i]->capacity;
      }
      buffers[2 + n_data] = sizes;
    }
    array_.n_buffers = n_buffers;
    array_.buffers = buffers;
    array_.n_children = n_children;
    array_.children = arrow_children;
    array_.dictionary =
        dictionary != nullptr ? const_cast<ArrowArray*>(dictionary->array) : nullptr;
    array_.release = [](ArrowArray*) {};
    array = &array_;
  }

  MemoryAccount& account_;
  int64_t charged_;
  flow_buffer* validity_ = nullptr;
  flow_buffer* values_ = nullptr;
  ArrowArray array_{};
};

}  // namespace flow::host
