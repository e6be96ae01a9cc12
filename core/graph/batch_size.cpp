#include "core/graph/batch_size.hpp"

#include "core/graph/kept_fields.hpp"
#include "flow/host/select.hpp"

namespace flowrun {
namespace {

std::int64_t value_width(flow_type type) {
  switch (type) {
    case FLOW_BOOL:
      return 1;
    case FLOW_CATEGORY:
    case FLOW_LIST:
      return 4;
    case FLOW_TEXT:
    case FLOW_BINARY:
    case FLOW_JSON:
      return 16;
    case FLOW_STRUCT:
      return 0;
    default:
      return 8;
  }
}

std::int64_t column_bytes(const flow_column& column) {
  std::int64_t bytes = column.array->length * value_width(column.type);
  for (std::int64_t i = 0; i < column.n_children; ++i) bytes += column_bytes(*column.children[i]);
  return bytes;
}

// What batch_bytes() counts for each row, or -1: it depends on the row.
std::int64_t row_bytes(const flow_field* const* fields, std::uint32_t n) {
  std::int64_t bytes = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    if (fields[i]->type == FLOW_LIST) return -1;
    const std::int64_t children = row_bytes(fields[i]->children, fields[i]->n_children);
    if (children < 0) return -1;
    bytes += value_width(fields[i]->type) + children;
  }
  return bytes;
}

// Of the values that do not lie in their views. Entries of dictionaries are not a batch's own.
std::int64_t text_bytes(const flow_column& column) {
  std::int64_t bytes = 0;
  if (column.type == FLOW_TEXT || column.type == FLOW_BINARY || column.type == FLOW_JSON) {
    const flow_view* const views = flow::host::detail::views(column);
    for (std::int64_t i = 0; i < column.array->length; ++i) {
      if (views[i].length > FLOW_VIEW_INLINE) bytes += views[i].length;
    }
  }
  for (std::int64_t i = 0; i < column.n_children; ++i) bytes += text_bytes(*column.children[i]);
  return bytes;
}

}  // namespace

std::int64_t batch_bytes(const flow_batch& batch) {
  if (is_encoded(*batch.schema)) {
    const flow_view* views = flow::host::detail::views(*batch.columns[0]);
    std::int64_t bytes = 0;
    for (std::int64_t i = 0; i < batch.rows; ++i) bytes += views[i].length;
    return bytes;
  }
  std::int64_t bytes = 0;
  for (std::uint32_t i = 0; i < batch.schema->n_fields; ++i) {
    bytes += column_bytes(*batch.columns[i]);
  }
  return bytes;
}

std::int64_t BatchBytes::operator()(const flow_batch& batch) {
  if (batch.schema != schema_.get()) {
    schema_ = flow::Reference<const flow_schema>::share(batch.schema);
    row_bytes_ =
        is_encoded(*batch.schema) ? -1 : row_bytes(batch.schema->fields, batch.schema->n_fields);
  }
  return row_bytes_ < 0 ? batch_bytes(batch) : batch.rows * row_bytes_;
}

std::int64_t held_bytes(const flow_batch& batch) {
  std::int64_t bytes = batch_bytes(batch);
  if (is_encoded(*batch.schema)) return bytes;  // the texts are in it
  for (std::uint32_t i = 0; i < batch.schema->n_fields; ++i) bytes += text_bytes(*batch.columns[i]);
  return bytes;
}

}  // namespace flowrun
