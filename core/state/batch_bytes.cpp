#include "core/state/batch_bytes.hpp"

#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include "core/state/byte_order.hpp"
#include "flow/host/batch.hpp"

namespace flowrun {
namespace {

using flow::host::bit;

static_assert(std::endian::native == std::endian::little, "columns are copied as they lie");

// Bits [first, first + rows), from bit 0 on.
void append_bits(const void* bits, std::int64_t first, std::int64_t rows, std::string& bytes) {
  const std::size_t begin = bytes.size();
  bytes.resize(begin + static_cast<std::size_t>((rows + 7) / 8), '\0');
  if (first % 8 == 0) {
    std::memcpy(bytes.data() + begin, static_cast<const char*>(bits) + first / 8,
                bytes.size() - begin);
  } else {
    for (std::int64_t row = 0; row < rows; ++row) {
      if (!bit(bits, first + row)) continue;
      auto& byte =
          reinterpret_cast<std::uint8_t&>(bytes[begin + static_cast<std::size_t>(row / 8)]);
      byte = static_cast<std::uint8_t>(byte | 1U << (row % 8));
    }
  }
  if (rows % 8 != 0 && bytes.size() > begin) {
    auto& last = reinterpret_cast<std::uint8_t&>(bytes.back());
    last = static_cast<std::uint8_t>(last & ((1U << (rows % 8)) - 1));
  }
}

void append_raw(const void* from, std::size_t count, std::string& bytes) {
  if (count > 0) bytes.append(static_cast<const char*>(from), count);
}

// The lengths of all values, then their bytes one behind the other.
void append_texts(const flow_column& column, std::int64_t first, std::int64_t rows,
                  std::string& bytes) {
  const auto* views =
      static_cast<const flow_view*>(column.array->buffers[1]) + column.array->offset + first;
  const void* validity = column.array->buffers[0];
  const std::int64_t start = column.array->offset + first;
  const std::size_t lengths = bytes.size();
  bytes.resize(lengths + static_cast<std::size_t>(rows) * sizeof(std::uint32_t));
  std::uint64_t total = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    const bool null = validity != nullptr && !bit(validity, start + row);
    const std::uint32_t length = null ? 0 : static_cast<std::uint32_t>(views[row].length);
    std::memcpy(bytes.data() + lengths + static_cast<std::size_t>(row) * sizeof length, &length,
                sizeof length);
    total += length;
  }
  if (total > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max())) {
    throw BatchBytesError("a column of a batch has more than 2 GiB of text");
  }
  std::size_t at = bytes.size();
  bytes.resize(at + static_cast<std::size_t>(total));
  for (std::int64_t row = 0; row < rows; ++row) {
    if (validity != nullptr && !bit(validity, start + row)) continue;
    const flow_view& view = views[row];
    const char* from = view.length <= FLOW_VIEW_INLINE
                           ? reinterpret_cast<const char*>(&view) + offsetof(flow_view, prefix)
                           : static_cast<const char*>(column.data[view.buffer]->data) + view.offset;
    std::memcpy(bytes.data() + at, from, static_cast<std::size_t>(view.length));
    at += static_cast<std::size_t>(view.length);
  }
}

// Rows [first, first + rows) of the column as its reader counts them.
void append_column(const flow_column& column, std::int64_t first, std::int64_t rows,
                   std::string& bytes) {
  const ArrowArray& array = *column.array;
  const std::int64_t start = array.offset + first;
  const auto count = static_cast<std::size_t>(rows);
  const bool nulls =
      array.buffers[0] != nullptr && flow::host::count_nulls(array.buffers[0], start, rows) > 0;
  put(bytes, static_cast<std::uint8_t>(nulls ? 1 : 0));
  if (nulls) append_bits(array.buffers[0], start, rows, bytes);
  switch (column.type) {
    case FLOW_BOOL:
      append_bits(array.buffers[1], start, rows, bytes);
      return;
    case FLOW_TEXT:
    case FLOW_BINARY:
    case FLOW_JSON:
      append_texts(column, first, rows, bytes);
      return;
    case FLOW_CATEGORY: {
      append_raw(static_cast<const std::int32_t*>(array.buffers[1]) + start,
                 count * sizeof(std::int32_t), bytes);
      const flow_column& dictionary = *column.dictionary;
      put(bytes, static_cast<std::uint32_t>(dictionary.array->length));
      append_column(dictionary, 0, dictionary.array->length, bytes);
      return;
    }
    case FLOW_STRUCT:
      for (std::int64_t i = 0; i < column.n_children; ++i) {
        append_column(*column.children[i], first, rows, bytes);
      }
      return;
    case FLOW_LIST: {
      const auto* offsets = static_cast<const std::int32_t*>(array.buffers[1]) + start;
      const std::int32_t begin = rows > 0 ? offsets[0] : 0;
      for (std::int64_t row = 0; row <= rows; ++row) {
        put(bytes, rows > 0 ? offsets[row] - begin : 0);
      }
      append_column(*column.children[0], begin, rows > 0 ? offsets[rows] - begin : 0, bytes);
      return;
    }
    default:
      append_raw(static_cast<const std::int64_t*>(array.buffers[1]) + start,
                 count * sizeof(std::int64_t), bytes);
  }
}

void append_field(const flow_field& field, std::string& bytes) {
  put(bytes, static_cast<std::uint8_t>(field.type));
  put_text(bytes, field.name);
  put(bytes, field.n_children);
  for (std::uint32_t i = 0; i < field.n_children; ++i) append_field(*field.children[i], bytes);
}

void append_name(const char* name, std::string& bytes) {
  put(bytes, static_cast<std::uint8_t>(name != nullptr ? 1 : 0));
  if (name != nullptr) put_text(bytes, name);
}

}  // namespace

void append_batch(const flow_batch& batch, std::string& bytes) {
  put(bytes, kBatchFormat);
  put(bytes, batch.rows);
  put(bytes, batch.schema->n_fields);
  for (std::uint32_t i = 0; i < batch.schema->n_fields; ++i) {
    append_field(*batch.schema->fields[i], bytes);
  }
  append_name(batch.origin->source, bytes);
  append_name(batch.origin->partition, bytes);
  const auto origin = flow::host::Batch::columns_of(*batch.origin);
  for (const flow_column* column : origin) {
    put(bytes, static_cast<std::uint8_t>(column != nullptr ? 1 : 0));
    if (column != nullptr) append_column(*column, 0, batch.rows, bytes);
  }
  for (std::uint32_t i = 0; i < batch.schema->n_fields; ++i) {
    append_column(*batch.columns[i], 0, batch.rows, bytes);
  }
}

}  // namespace flowrun
