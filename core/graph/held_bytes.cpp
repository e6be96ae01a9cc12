#include "core/graph/held_bytes.hpp"

#include "core/graph/kept_fields.hpp"
#include "core/graph/operator_instance.hpp"
#include "flow/host/select.hpp"

namespace flowrun {
namespace {

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

std::int64_t held_bytes(const flow_batch& batch) {
  std::int64_t bytes = batch_bytes(batch);
  if (is_encoded(*batch.schema)) return bytes;  // the texts are in it
  for (std::uint32_t i = 0; i < batch.schema->n_fields; ++i) bytes += text_bytes(*batch.columns[i]);
  return bytes;
}

}  // namespace flowrun
