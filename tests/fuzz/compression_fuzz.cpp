// Compressed streams: any bytes are decoded or refused, and the result does not depend on how they
// come or how much room there is; what a compressor made comes back. The first two bytes say which
// format, and the sizes of the pieces.
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "operators/common/compression.hpp"
#include "tests/fuzz/seeds.hpp"

namespace {

using flow::operators::Compression;
using flow::operators::Decompressor;

constexpr std::size_t kMostDecoded = 1 << 20;  // a bomb is not followed further

void require(bool truth) {
  if (!truth) std::abort();
}

struct Decoded {
  std::string text;
  bool failed = false;
  bool whole = false;

  bool operator==(const Decoded&) const = default;
};

Decoded decode(Compression compression, std::string_view bytes, std::size_t piece,
               std::size_t room) {
  const std::unique_ptr<Decompressor> decompressor =
      flow::operators::make_decompressor(compression);
  Decoded result;
  std::string output(room, '\0');
  std::string_view given;
  while (result.text.size() < kMostDecoded) {
    if (given.empty()) given = bytes.substr(0, piece);
    const Decompressor::Step step = decompressor->step(given, output.data(), output.size());
    require(step.consumed <= given.size() && step.produced <= output.size());
    result.text.append(output, 0, step.produced);
    given.remove_prefix(step.consumed);
    bytes.remove_prefix(step.consumed);
    if (!step.error.empty()) {
      result.failed = true;
      break;
    }
    if (step.consumed > 0 || step.produced > 0) continue;
    // Without progress: more is needed, in one piece with what is left.
    if (given.size() == bytes.size()) break;
    given = bytes.substr(0, given.size() + piece);
  }
  result.whole = decompressor->at_boundary() && bytes.empty();
  return result;
}

}  // namespace

extern "C" FuzzSeeds flow_fuzz_seeds() {
  using namespace std::string_view_literals;
  static constexpr std::string_view kSeeds[] = {
      // "flow" in a gzip member, two of them with padding, and in a zstd frame with a checksum.
      "\x00\x07\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\xcb\xc9\x2f\x07\x00\xee\x27\xbd\x2e"
      "\x04\x00\x00\x00"sv,
      "\x00\x01\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"sv,
      "\x01\x03\x28\xb5\x2f\xfd\x24\x04\x21\x00\x00\x66\x6c\x6f\x77\x00\x00\x00\x00"sv};
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Compression compression = data[0] % 2 == 0 ? Compression::kGzip : Compression::kZstd;
  const std::size_t piece = 1 + data[1];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);

  const Decoded at_once = decode(compression, bytes, SIZE_MAX, 1 << 16);
  const Decoded in_pieces = decode(compression, bytes, piece, 1 + data[0]);
  if (at_once.text.size() < kMostDecoded && in_pieces.text.size() < kMostDecoded) {
    require(at_once == in_pieces);
  }

  std::string packed;
  flow::operators::make_compressor(compression, 1)->compress(bytes, packed);
  const Decoded back = decode(compression, packed, piece, 1 + data[0]);
  require(back.text == bytes && back.whole && !back.failed);
  return 0;
}
