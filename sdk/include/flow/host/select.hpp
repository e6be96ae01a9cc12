// Taking some rows of a batch: by range without a copy, by row number with one.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "flow/host/batch.hpp"

namespace flow::host {

// Selected text is copied into fresh buffers when it is less than 1 / kCompactBelow of the bytes
// that its views would keep alive.
inline constexpr int64_t kCompactBelow = 4;

namespace detail {

struct ReleaseColumn {
  void operator()(const flow_column* column) const { Column::release(column); }
};
struct ReleaseBuffer {
  void operator()(flow_buffer* buffer) const { Buffer::release(buffer); }
};
using OwnedColumn = std::unique_ptr<const flow_column, ReleaseColumn>;
using OwnedBuffer = std::unique_ptr<flow_buffer, ReleaseBuffer>;

inline const flow_view* views(const flow_column& column) {
  return static_cast<const flow_view*>(column.array->buffers[1]) + column.array->offset;
}

// The rows of a list's elements that the named rows consist of, in their order.
inline std::vector<int32_t> elements_of(const flow_column& list, const int32_t* rows, int64_t n) {
  const auto* offsets = static_cast<const int32_t*>(list.array->buffers[1]) + list.array->offset;
  std::vector<int32_t> elements;
  for (int64_t i = 0; i < n; ++i) {
    for (int32_t at = offsets[rows[i]]; at < offsets[rows[i] + 1]; ++at) elements.push_back(at);
  }
  return elements;
}

// Bytes outside the views themselves that the rows' texts use.
inline int64_t text_bytes(const flow_column& column, const int32_t* rows, int64_t n) {
  int64_t bytes = 0;
  const flow_view* view = views(column);
  for (int64_t i = 0; i < n; ++i) {
    const int32_t length = view[rows[i]].length;
    bytes += length > FLOW_VIEW_INLINE ? length : 0;
  }
  return bytes;
}

// Texts used and distinct buffers retained by a set of columns.
class Retention {
 public:
  void add(const flow_column& column, const int32_t* rows, int64_t n) {
    if (column.type == FLOW_STRUCT) {
      for (int64_t i = 0; i < column.n_children; ++i) add(*column.children[i], rows, n);
      return;
    }
    if (column.type == FLOW_LIST) {
      const std::vector<int32_t> elements = elements_of(column, rows, n);
      add(*column.children[0], elements.data(), static_cast<int64_t>(elements.size()));
      return;
    }
    if (!is_view(column.type)) return;
    for (int64_t i = 0; i < column.n_data; ++i) {
      if (std::find(seen_.begin(), seen_.end(), column.data[i]) == seen_.end()) {
        seen_.push_back(column.data[i]);
        retained_ += column.data[i]->capacity;
      }
    }
    used_ += text_bytes(column, rows, n);
  }
  bool wasteful() const { return used_ < retained_ / kCompactBelow; }

 private:
  std::vector<const flow_buffer*> seen_;
  int64_t used_ = 0;
  int64_t retained_ = 0;
};

inline OwnedBuffer gather_bits(MemoryAccount& account, const void* bits, int64_t offset,
                               const int32_t* rows, int64_t n) {
  OwnedBuffer result(Buffer::allocate(account, (n + 7) / 8));
  auto* out = static_cast<uint8_t*>(result->data);
  std::memset(out, 0, static_cast<size_t>((n + 7) / 8));
  for (int64_t i = 0; i < n; ++i) {
    out[i >> 3] |= static_cast<uint8_t>(bit(bits, offset + rows[i]) << (i & 7));
  }
  return result;
}

template <class T>
OwnedBuffer gather_values(MemoryAccount& account, const T* values, const int32_t* rows, int64_t n) {
  OwnedBuffer result(Buffer::allocate(account, n * static_cast<int64_t>(sizeof(T))));
  auto* out = static_cast<T*>(result->data);
  for (int64_t i = 0; i < n; ++i) out[i] = values[rows[i]];
  return result;
}

// Views with their texts copied into `text`, whose buffer number becomes 0.
inline OwnedBuffer gather_text(MemoryAccount& account, const flow_column& column,
                               const int32_t* rows, int64_t n, flow_buffer* text) {
  OwnedBuffer result(Buffer::allocate(account, n * static_cast<int64_t>(sizeof(flow_view))));
  auto* out = static_cast<flow_view*>(result->data);
  const flow_view* in = views(column);
  int32_t at = 0;
  for (int64_t i = 0; i < n; ++i) {
    flow_view view = in[rows[i]];
    if (view.length > FLOW_VIEW_INLINE) {
      const auto* from =
          static_cast<const char*>(column.array->buffers[2 + view.buffer]) + view.offset;
      std::memcpy(static_cast<char*>(text->data) + at, from, static_cast<size_t>(view.length));
      view.buffer = 0;
      view.offset = at;
      at += view.length;
    }
    out[i] = view;
  }
  return result;
}

inline OwnedColumn gather(MemoryAccount& account, const flow_column& column, const int32_t* rows,
                          int64_t n, bool compact) {
  const ArrowArray& array = *column.array;
  flow_column_parts parts{};
  parts.size = sizeof parts;
  parts.type = column.type;
  parts.rows = n;
  parts.null_count = -1;
  OwnedBuffer validity;
  OwnedBuffer values;
  OwnedBuffer text;
  flow_buffer* text_pointer = nullptr;
  std::vector<OwnedColumn> children;
  std::vector<const flow_column*> child_pointers;
  if (array.buffers[0] != nullptr && array.null_count != 0) {
    validity = gather_bits(account, array.buffers[0], array.offset, rows, n);
    parts.validity = validity.get();
  }
  switch (column.type) {
    case FLOW_BOOL:
      values = gather_bits(account, array.buffers[1], array.offset, rows, n);
      break;
    case FLOW_INT64:
    case FLOW_FLOAT64:
    case FLOW_TIMESTAMP:
      values = gather_values(account, static_cast<const int64_t*>(array.buffers[1]) + array.offset,
                             rows, n);
      break;
    case FLOW_CATEGORY:
      values = gather_values(account, static_cast<const int32_t*>(array.buffers[1]) + array.offset,
                             rows, n);
      parts.dictionary = column.dictionary;
      break;
    case FLOW_TEXT:
    case FLOW_BINARY:
    case FLOW_JSON:
      if (compact) {
        const int64_t bytes = text_bytes(column, rows, n);
        text.reset(Buffer::allocate(account, bytes));
        values = gather_text(account, column, rows, n, text.get());
        text_pointer = text.get();
        parts.data = &text_pointer;
        parts.n_data = bytes > 0 ? 1 : 0;
      } else {
        values = gather_values(account, views(column), rows, n);
        parts.data = column.data;
        parts.n_data = column.n_data;
      }
      break;
    case FLOW_STRUCT:
      for (int64_t i = 0; i < column.n_children; ++i) {
        children.push_back(gather(account, *column.children[i], rows, n, compact));
      }
      break;
    case FLOW_LIST: {
      const auto* offsets = static_cast<const int32_t*>(array.buffers[1]) + array.offset;
      values.reset(Buffer::allocate(account, (n + 1) * static_cast<int64_t>(sizeof(int32_t))));
      auto* out = static_cast<int32_t*>(values->data);
      out[0] = 0;
      for (int64_t i = 0; i < n; ++i) {
        out[i + 1] = out[i] + offsets[rows[i] + 1] - offsets[rows[i]];
      }
      const std::vector<int32_t> elements = elements_of(column, rows, n);
      children.push_back(gather(account, *column.children[0], elements.data(),
                                static_cast<int64_t>(elements.size()), compact));
      break;
    }
    default:
      break;
  }
  parts.values = values.get();
  child_pointers.reserve(children.size());
  for (const OwnedColumn& child : children) child_pointers.push_back(child.get());
  parts.children = child_pointers.data();
  parts.n_children = static_cast<int64_t>(child_pointers.size());
  return OwnedColumn(Column::make(account, parts));
}

template <class Take>
const flow_batch* rebuild(MemoryAccount& account, const flow_batch& batch, int64_t rows,
                          Take take) {
  std::vector<OwnedColumn> owned;
  std::vector<const flow_column*> columns;
  for (uint32_t i = 0; i < batch.schema->n_fields; ++i) {
    owned.push_back(take(*batch.columns[i]));
    columns.push_back(owned.back().get());
  }
  flow_origin origin = *batch.origin;
  for (const flow_column** column :
       {&origin.position, &origin.record, &origin.event_time, &origin.watermark}) {
    if (*column == nullptr) continue;
    owned.push_back(take(**column));
    *column = owned.back().get();
  }
  return Batch::make(account, batch.schema, rows, columns.data(), &origin);
}

}  // namespace detail

// The rows in the order given; a row may stand more than once.
inline const flow_batch* select(MemoryAccount& account, const flow_batch& batch,
                                const int32_t* rows, int64_t n) {
  detail::Retention retention;
  for (uint32_t i = 0; i < batch.schema->n_fields; ++i) retention.add(*batch.columns[i], rows, n);
  if (batch.origin->record != nullptr) retention.add(*batch.origin->record, rows, n);
  const bool compact = retention.wasteful();
  return detail::rebuild(account, batch, n, [&](const flow_column& column) {
    return detail::gather(account, column, rows, n, compact);
  });
}

inline const flow_batch* slice(MemoryAccount& account, const flow_batch& batch, int64_t first,
                               int64_t n) {
  return detail::rebuild(account, batch, n, [&](const flow_column& column) {
    return detail::OwnedColumn(Column::slice(account, column, first, n));
  });
}

}  // namespace flow::host
