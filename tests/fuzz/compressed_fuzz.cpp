// Any bytes as a .gz or .zst file: what is decoded, and why decoding ended, is the same wherever
// input and output are cut, and is what the reader of files makes of it, also when it goes on from
// a position. The first two bytes say the format and the cuts.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/testing/host.hpp"
#include "operators/common/compression.hpp"
#include "operators/common/file_descriptor.hpp"
#include "operators/sources/file_reader.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/fuzz/seeds.hpp"
#include "tests/operators/common/compressed_bytes.hpp"

namespace {

using flow::operators::Compression;
using flow::operators::Decompressor;
using flow::operators::FileDescriptor;
using flow::operators::FilePosition;
using flow::operators::FileReader;

// A few bytes can stand for gigabytes: more than this is not looked at.
constexpr size_t kMostOutput = size_t{1} << 20;

struct Decoded {
  std::string bytes;
  std::string error;
  bool whole = false;  // the stream may end here
};

// Nothing: it decodes to more than kMostOutput.
std::optional<Decoded> decode(Compression compression, std::string_view input, size_t part,
                              size_t room) {
  const auto decompressor = flow::operators::make_decompressor(compression);
  Decoded result;
  std::string output(room, '\0');
  size_t given = std::min(part, input.size());
  while (true) {
    const Decompressor::Step step = decompressor->step(input.substr(0, given), output.data(), room);
    require(step.consumed <= given && step.produced <= room);
    result.bytes.append(output, 0, step.produced);
    if (result.bytes.size() > kMostOutput) return std::nullopt;
    input.remove_prefix(step.consumed);
    given -= step.consumed;
    result.error = step.error;
    if (!step.error.empty()) break;
    if (step.consumed > 0 || step.produced > 0) continue;
    if (given == input.size()) break;
    given = std::min(given + part, input.size());
  }
  result.whole = decompressor->at_boundary() && input.empty();
  return result;
}

// Whether what was decoded otherwise cut is the same as what was decoded at once. Of the block at
// which zstd finds the damage more may come out, the less goes in or out at a time.
bool agree(std::string_view bytes, Compression compression, const Decoded& once) {
  const bool is_partial = compression == Compression::kZstd && !once.error.empty();
  return is_partial ? bytes.starts_with(once.bytes) : bytes == once.bytes;
}

struct Read {
  std::string bytes;
  std::string damage;
  FilePosition middle;  // behind the first piece
};

Read read(const std::string& path, Compression compression, int64_t read_size,
          std::optional<FilePosition> from) {
  flow::testing::TestHost host;
  FileReader reader(host.host(), path, compression, read_size, from);
  Read result;
  FileReader::Piece piece;
  for (auto outcome = reader.read(piece); outcome != FileReader::Outcome::kEnd;
       outcome = reader.read(piece)) {
    require(outcome != FileReader::Outcome::kNothingYet);
    if (outcome == FileReader::Outcome::kSkipped) continue;
    require(piece.bytes > 0);
    result.bytes.append(static_cast<const char*>(piece.buffer->data),
                        static_cast<size_t>(piece.bytes));
    if (result.middle.offset == 0) result.middle = reader.position();
  }
  result.damage = reader.damage();
  return result;
}

std::string_view reason(std::string_view damage) {
  if (damage.substr(0, 8) == "ends in ") return damage.substr(0, damage.find(','));
  return damage.substr(std::min(damage.find(": "), damage.size()));
}

void check_reader(std::string_view input, Compression compression, int64_t read_size,
                  const Decoded& expected) {
  const FileDescriptor file(memfd_create("fuzz", MFD_CLOEXEC));
  require(static_cast<bool>(file));
  require(::write(file.get(), input.data(), input.size()) == static_cast<ssize_t>(input.size()));
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  const Read whole = read(path, compression, read_size, std::nullopt);
  require(agree(whole.bytes, compression, expected));
  // What is not a whole stream is told, with the reason.
  require(whole.damage.empty() == (expected.error.empty() && expected.whole));
  require(expected.error.empty() || whole.damage.find(expected.error) != std::string::npos);
  if (whole.middle.offset == 0) return;
  const Read rest = read(path, compression, read_size, whole.middle);
  require(rest.bytes == whole.bytes.substr(static_cast<size_t>(whole.middle.offset)));
  // The same trouble; its place is where the decoder's last bite began, which hangs on the cuts.
  require(reason(rest.damage) == reason(whole.damage));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const Compression compression = (data[0] & 1U) != 0 ? Compression::kZstd : Compression::kGzip;
  const size_t part = 1 + (data[0] >> 1U);
  const size_t room = 1 + data[1] * size_t{37};
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::optional<Decoded> once = decode(compression, input, input.size(), 64 * 1024);
  if (!once) return 0;
  const std::optional<Decoded> pieces = decode(compression, input, part, room);
  require(pieces && pieces->error == once->error && pieces->whole == once->whole);
  require(agree(pieces->bytes, compression, *once));
  check_reader(input, compression, static_cast<int64_t>(room), *once);
  return 0;
}

extern "C" FuzzSeeds flow_fuzz_seeds() {
  using flow::testing::gzip;
  using flow::testing::zstd;
  static const std::vector<std::string> kStreams = [] {
    const std::string text = "{\"a\":1,\"b\":\"some text\"}\n{\"a\":2,\"b\":\"some other text\"}\n";
    const std::string long_text = std::string(3'000, 'a') + flow::testing::noise(500) + text;
    std::vector<std::string> streams;
    for (const char* cuts : {"\x02\x01", "\xf0\xff"}) {
      const std::string zstd_cuts{static_cast<char>(cuts[0] | 1), cuts[1]};
      streams.push_back(cuts + gzip(text));
      streams.push_back(cuts + gzip(long_text) + gzip("") + gzip(text) + std::string(20, '\0'));
      streams.push_back(zstd_cuts + zstd(text));
      streams.push_back(zstd_cuts + zstd(long_text) + zstd("") + zstd(text));
      // A frame to be skipped, of four bytes, before one that is not.
      streams.push_back(zstd_cuts + std::string("\x50\x2a\x4d\x18\x04\0\0\0skip", 12) + zstd(text));
    }
    return streams;
  }();
  static const std::vector<std::string_view> kSeeds(kStreams.begin(), kStreams.end());
  return {kSeeds.data(), kSeeds.size()};
}
