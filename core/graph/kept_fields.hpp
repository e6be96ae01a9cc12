// Columns of the rows that an encoder gets, on their way beside what it makes of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flow/batch.hpp"
#include "flow/output.hpp"

namespace flowrun {

// One an encoder instance whose sink asks for FLOW_EXTENSION_KEPT_FIELDS. An encoder makes a row of
// a row, in order, but for those that fail: so which rows its output is of is known once a call has
// dealt with its whole input, and what it emits is held until then. Not thread-safe.
class KeptFields {
 public:
  // `asked`: what the sink's component told.
  explicit KeptFields(const flow_kept_fields& asked);

  // The encoder emitted this.
  void hold(flow::Batch encoded) { held_.push_back(std::move(encoded)); }
  // The encoder failed this row of `batch`.
  void failed(const flow_batch* batch, std::int64_t row) { failed_.push_back({batch, row}); }
  // What was held, each batch with the columns of its rows of `in`. Throws std::runtime_error if
  // the encoder did not make a row of a row.
  std::vector<flow::Batch> release(const flow::Batch& in, flow::Output& host);

 private:
  struct FailedRow {
    const flow_batch* batch;
    std::int64_t row;
  };
  flow::Batch rows_left(const flow::Batch& in, const flow::Output& host);
  flow::Batch beside(const flow::Batch& encoded, const flow::Batch& rows, flow::Output& host);

  std::vector<flow::ColumnFinder> finders_;
  std::vector<std::string> names_;  // in the result
  std::vector<flow::Batch> held_;
  std::vector<FailedRow> failed_;
};

// Whether a schema is that of one column of bytes, with kept columns and FLOW_PROLOGUE_FIELD behind
// it or without.
bool is_encoded(const flow_schema& schema);

}  // namespace flowrun
