#include "operators/common/row_hash.hpp"

#include "flow/host/key_hash.hpp"

namespace flow::operators {
namespace {

using host::hash_bytes;

void hash_column(const flow_column& column, std::vector<uint64_t>& hashes) {
  if (column.type != FLOW_STRUCT && column.type != FLOW_LIST) {
    host::hash_column(column, hashes);
    return;
  }
  if (column.type == FLOW_STRUCT) {
    for (int64_t i = 0; i < column.n_children; ++i) hash_column(*column.children[i], hashes);
    return;
  }
  const ListView lists(column);
  std::vector<uint64_t> elements(static_cast<size_t>(lists.elements().array->length), 0);
  hash_column(lists.elements(), elements);
  for (size_t row = 0; row < hashes.size(); ++row) {
    const auto at = static_cast<int64_t>(row);
    const int64_t length = lists.is_null(at) ? -1 : lists.end(at) - lists.begin(at);
    hashes[row] = hash_bytes({reinterpret_cast<const char*>(&length), sizeof length}, hashes[row]);
    for (int64_t i = 0; i < length; ++i) {
      const uint64_t element = elements[static_cast<size_t>(lists.begin(at) + i)];
      hashes[row] =
          hash_bytes({reinterpret_cast<const char*>(&element), sizeof element}, hashes[row]);
    }
  }
}

}  // namespace

void hash_rows(const Batch& batch, std::vector<uint64_t>& hashes) {
  for (uint32_t i = 0; i < batch.column_count(); ++i) hash_column(batch.column(i), hashes);
}

}  // namespace flow::operators
