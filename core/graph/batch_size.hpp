// How large a batch is: as metrics count it, and in memory.
#pragma once

#include <cstdint>

#include "flow/batch.hpp"

namespace flowrun {

// The size of a batch as metrics count it: fixed-width values and views, and the text of a batch of
// encoded or undecoded bytes (one binary column). Cheap.
std::int64_t batch_bytes(const flow_batch& batch);

// batch_bytes() of batches that come one after the other: a multiplication where a batch has the
// schema of the one before and its rows are all of one size. Not thread-safe.
class BatchBytes {
 public:
  std::int64_t operator()(const flow_batch& batch);

 private:
  flow::Reference<const flow_schema> schema_;
  std::int64_t row_bytes_ = -1;  // -1: they differ
};

// What a batch of rows keeps in memory while it is on its way: its values, and the texts that its
// views point to. Looks at each view once.
std::int64_t held_bytes(const flow_batch& batch);

}  // namespace flowrun
