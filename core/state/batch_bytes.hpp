// Batches as bytes, for journals.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "flow/batch.hpp"
#include "flow/host/memory.hpp"

namespace flowrun {

// The first byte.
inline constexpr std::uint8_t kBatchFormat = 1;

struct BatchBytesError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Appends the batch with its schema and origin (names, positions, records, event times) to `bytes`.
// Buffers are copied as they lie; of text only what the rows show. Throws BatchBytesError for a
// column with more than 2 GiB of text.
void append_batch(const flow_batch& batch, std::string& bytes);

// The batch again: same schema, values and origin. Its buffers are charged to `account`. Throws
// BatchBytesError, with what is wrong, for bytes that append_batch cannot have made: nothing in the
// batch points outside of it whatever the bytes are.
flow::Batch read_batch(flow::host::MemoryAccount& account, std::string_view bytes);

}  // namespace flowrun
