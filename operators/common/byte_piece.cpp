#include "operators/common/byte_piece.hpp"

#include <cstring>
#include <utility>

#include "flow/builder.hpp"

namespace flow::operators {

Batch byte_batch(Output& out, const BytePiece& piece, const char* partition) {
  TextBuilder bytes(out, 1, FLOW_BINARY);
  const int32_t number = bytes.share(piece.buffer);
  const auto* const data = static_cast<const char*>(piece.buffer->data);
  bytes.append_shared({data + piece.begin, static_cast<size_t>(piece.bytes)}, number, data);
  Int64Builder offset(out, 1);
  offset.append(piece.offset);
  const Column position = offset.finish();
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.partition = partition;
  origin.position = position.get();
  return out.make(1, {{"bytes", {bytes.finish(), Type::binary()}}}, &origin);
}

void trim(const Host& host, BytePiece& piece) {
  if (piece.bytes >= piece.buffer->capacity / 4) return;
  Buffer smaller = host.allocate(piece.bytes);
  std::memcpy(smaller->data, static_cast<const char*>(piece.buffer->data) + piece.begin,
              static_cast<size_t>(piece.bytes));
  piece.buffer = std::move(smaller);
  piece.begin = 0;
}

}  // namespace flow::operators
