#include "operators/common/compression.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "tests/operators/common/compressed_bytes.hpp"

namespace flow::operators::compression_test {
namespace {

using flow::testing::gzip;
using flow::testing::noise;
using flow::testing::zstd;

struct Decoded {
  std::string bytes;
  std::string error;
  bool at_boundary = false;
};

// Gives the input in parts of at most `part` bytes and takes `room` bytes of output at a time.
Decoded decode(Compression compression, std::string_view input, size_t part, size_t room) {
  const auto decompressor = make_decompressor(compression);
  Decoded result;
  std::string output(room, '\0');
  size_t given = std::min(part, input.size());
  while (true) {
    const Decompressor::Step step = decompressor->step(input.substr(0, given), output.data(), room);
    result.bytes.append(output, 0, step.produced);
    result.error = step.error;
    input.remove_prefix(step.consumed);
    given = std::min(given - step.consumed, input.size());
    if (!step.error.empty()) break;
    if (step.consumed > 0 || step.produced > 0) continue;
    if (given == input.size()) break;
    given = std::min(given + part, input.size());
  }
  result.at_boundary = decompressor->at_boundary();
  return result;
}

struct Format {
  const char* name;
  Compression compression;
  std::function<std::string(std::string_view)> encode;
};

class CompressionTest : public ::testing::TestWithParam<Format> {};

TEST_P(CompressionTest, AnySplitOfInputAndOutputDecodesTheSame) {
  const std::string text = std::string(300'000, 'a') + noise(200'000);
  const std::string encoded = GetParam().encode(text);
  for (const size_t part : {size_t{1}, size_t{7}, size_t{4096}, encoded.size()}) {
    for (const size_t room : {size_t{333}, size_t{65536}, size_t{1} << 20}) {
      const Decoded decoded = decode(GetParam().compression, encoded, part, room);
      EXPECT_EQ(decoded.error, "");
      EXPECT_TRUE(decoded.bytes == text) << part << " bytes in, " << room << " out";
      EXPECT_TRUE(decoded.at_boundary);
    }
  }
}

TEST_P(CompressionTest, ConcatenatedUnitsAreOneStream) {
  const std::string encoded =
      GetParam().encode("one\n") + GetParam().encode("") + GetParam().encode("two\n");
  EXPECT_EQ(decode(GetParam().compression, encoded, 5, 3).bytes, "one\ntwo\n");
  EXPECT_EQ(decode(GetParam().compression, encoded, encoded.size(), 4096).bytes, "one\ntwo\n");
}

TEST_P(CompressionTest, TruncatedStreamGivesWhatWasDecodedAndIsNotAtABoundary) {
  const std::string text = noise(400'000);
  const std::string encoded = GetParam().encode(text);
  const Decoded decoded = decode(
      GetParam().compression, std::string_view(encoded).substr(0, encoded.size() / 2), 4096, 65536);
  EXPECT_EQ(decoded.error, "");
  EXPECT_FALSE(decoded.at_boundary);
  EXPECT_GT(decoded.bytes.size(), 60'000U);
  EXPECT_EQ(decoded.bytes, text.substr(0, decoded.bytes.size()));
}

TEST_P(CompressionTest, BytesBeforeDamageAreDelivered) {
  const std::string text = noise(400'000);
  const std::string intact = GetParam().encode(text);
  const std::string encoded = intact + "no compressed data";
  const Decoded decoded = decode(GetParam().compression, encoded, encoded.size(), 1 << 20);
  EXPECT_NE(decoded.error, "");
  EXPECT_TRUE(decoded.bytes == text);
}

TEST_P(CompressionTest, ChangedContentIsNoticedByItsChecksum) {
  const std::string text = noise(100'000);
  std::string encoded = GetParam().encode(text);
  encoded[encoded.size() / 2] = static_cast<char>(encoded[encoded.size() / 2] ^ 1);
  EXPECT_NE(decode(GetParam().compression, encoded, 4096, 65536).error, "");
}

TEST_P(CompressionTest, BytesBeforeDamageAreTheSameForAnyRoomOfTheOutput) {
  const std::string text = noise(1'000);
  std::string encoded = GetParam().encode(text);
  encoded.back() = static_cast<char>(encoded.back() ^ 1);  // gzip: the length; zstd: the checksum
  for (const size_t room : {size_t{1}, size_t{38}, size_t{999}, size_t{1'000}, size_t{4'096}}) {
    const Decoded decoded = decode(GetParam().compression, encoded, encoded.size(), room);
    EXPECT_NE(decoded.error, "");
    EXPECT_TRUE(decoded.bytes == text) << room << " bytes out";
  }
}

TEST_P(CompressionTest, TruncatedStreamGivesTheSameForAnyRoomOfTheOutput) {
  const std::string encoded = GetParam().encode(std::string(300, 'a') + noise(100));
  for (size_t size = 0; size < encoded.size(); ++size) {
    const std::string_view cut = std::string_view(encoded).substr(0, size);
    const std::string wanted = decode(GetParam().compression, cut, size, 4'096).bytes;
    for (const size_t room : {size_t{1}, size_t{38}, size_t{300}}) {
      const Decoded decoded = decode(GetParam().compression, cut, 2, room);
      EXPECT_EQ(decoded.error, "");
      EXPECT_TRUE(decoded.bytes == wanted) << size << " bytes in, " << room << " out";
    }
  }
}

TEST_P(CompressionTest, PlainTextIsAnErrorAtTheFirstByte) {
  const Decoded decoded = decode(GetParam().compression, "not compressed at all", 100, 100);
  EXPECT_NE(decoded.error, "");
  EXPECT_EQ(decoded.bytes, "");
}

INSTANTIATE_TEST_SUITE_P(Formats, CompressionTest,
                         ::testing::Values(Format{"Gzip", Compression::kGzip,
                                                  [](std::string_view t) { return gzip(t); }},
                                           Format{"Zstd", Compression::kZstd,
                                                  [](std::string_view t) { return zstd(t); }}),
                         [](const auto& info) { return info.param.name; });

TEST(GzipTest, ZerosBehindTheLastMemberAreIgnored) {
  const std::string encoded = gzip("text\n") + std::string(512, '\0');
  const Decoded decoded = decode(Compression::kGzip, encoded, 100, 100);
  EXPECT_EQ(decoded.bytes, "text\n");
  EXPECT_EQ(decoded.error, "");
  EXPECT_TRUE(decoded.at_boundary);
}

TEST(CompressionByExtensionTest, KnowsGzipAndZstandardInAnyCase) {
  EXPECT_EQ(compression_by_extension("a/access.log.gz"), Compression::kGzip);
  EXPECT_EQ(compression_by_extension("A.LOG.GZ"), Compression::kGzip);
  EXPECT_EQ(compression_by_extension("a.zst"), Compression::kZstd);
  EXPECT_EQ(compression_by_extension("a.gz.log"), Compression::kNone);
  EXPECT_EQ(compression_by_extension("gz"), Compression::kNone);
}

TEST_P(CompressionTest, FramesStandOneBehindTheOther) {
  for (const int level : {0, 1, 9}) {
    const auto compressor = make_compressor(GetParam().compression, level);
    std::string whole, text, frame;
    for (const size_t bytes :
         {size_t{0}, size_t{1}, size_t{100'000}, size_t{0}, size_t{3'000'000}}) {
      const std::string piece = std::string(bytes / 2, 'a') + noise(bytes - bytes / 2);
      compressor->compress(piece, frame);
      EXPECT_FALSE(frame.empty());
      whole.append(frame);
      text.append(piece);
      const Decoded decoded = decode(GetParam().compression, whole, 1 << 16, 1 << 20);
      EXPECT_EQ(decoded.error, "");
      EXPECT_TRUE(decoded.at_boundary);
      EXPECT_TRUE(decoded.bytes == text);
    }
  }
}

}  // namespace
}  // namespace flow::operators::compression_test
