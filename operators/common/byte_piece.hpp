// A piece of a byte stream as a source with the trait FLOW_BYTES emits it.
#pragma once

#include <cstdint>
#include <string_view>

#include "flow/output.hpp"

namespace flow::operators {

struct BytePiece {
  Buffer buffer;
  int64_t begin = 0;   // in the buffer
  int64_t bytes = 0;   // at least 1
  int64_t offset = 0;  // of the first byte in the stream
};

// One row with the binary column `bytes`, a view of the piece's buffer; its position is the offset.
// `partition` lives as long as the pipeline. Costs five allocations.
Batch byte_batch(Output& out, const BytePiece& piece, const char* partition);

// Rows that are cut from a piece keep its whole buffer: where the piece fills less than a quarter,
// it is copied to a buffer of its own size.
void trim(const Host& host, BytePiece& piece);

}  // namespace flow::operators
