// Text as a source of bytes emits it, for the benchmarks of codecs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators {

// One batch, a row for each piece: at most `piece` bytes, whole lines. A line must not be longer.
inline Batch byte_pieces(testing::Harness& harness, std::string_view text, size_t piece) {
  const Host host = harness.host().host();
  std::vector<std::string_view> runs;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t size = rest.rfind('\n', std::min(piece, rest.size()) - 1) + 1;
    runs.push_back(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  const auto rows = static_cast<int64_t>(runs.size());
  TextBuilder views(host, rows, FLOW_BINARY);
  Int64Builder positions(host, rows);
  for (const std::string_view run : runs) {
    const Buffer buffer = host.allocate(static_cast<int64_t>(run.size()));
    std::memcpy(buffer->data, run.data(), run.size());
    const auto* base = static_cast<const char*>(buffer->data);
    views.append_shared({base, run.size()}, views.share(buffer), base);
    positions.append(run.data() - text.data());
  }
  const Column position = positions.finish();
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.source = "bench";
  origin.partition = "bench";
  origin.position = position.get();
  Output maker(harness.host().abi());
  return maker.make(rows, {{"bytes", {views.finish(), Type::binary()}}}, &origin);
}

}  // namespace flow::operators
