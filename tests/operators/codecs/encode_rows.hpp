// What a codec writes for a table's rows.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "flow/operator.hpp"
#include "flow/testing/host.hpp"

namespace flow::testing {

// With delimiters or, as messages, without. Rows that fail are in `host`.
inline std::vector<Batch> encoded_batches(TestHost& host, Codec& codec, const Table& rows,
                                          flow_role role = FLOW_ROLE_ENCODE) {
  Output out(host.abi());
  std::vector<NewColumn> columns;
  for (const TableColumn& column : rows.columns) {
    columns.push_back(
        {column.name, {make_column(host.host(), column.type, column.cells), column.type}});
  }
  codec.set_role(role);
  codec.open(out);
  codec.consume(0, out.make(rows.rows(), columns, nullptr), out);
  return std::exchange(host.emitted[0], {});
}

// The same as a stream of bytes.
inline std::string encoded(TestHost& host, Codec& codec, const Table& rows,
                           flow_role role = FLOW_ROLE_ENCODE) {
  std::string stream;
  for (const Batch& batch : encoded_batches(host, codec, rows, role)) {
    const TextView texts(batch.column(0));
    for (int64_t row = 0; row < texts.size(); ++row) stream += texts[row];
  }
  return stream;
}

}  // namespace flow::testing
