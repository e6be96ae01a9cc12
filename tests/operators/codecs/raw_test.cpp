#include "operators/codecs/raw.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/operators/codecs/codec_stream.hpp"
#include "tests/operators/codecs/encode_rows.hpp"

namespace flow::operators::raw_test {
namespace {

using flow::testing::Cell;
using flow::testing::encoded;
using flow::testing::TestHost;
using Cells = std::vector<Cell>;
using namespace std::string_literals;

// CodecStream makes codecs with a Shared.
class Stream {
 public:
  explicit Stream(const Raw::Options& options)
      : framer_(options), decoder_(options), out_(host.abi()) {
    decoder_.set_role(FLOW_ROLE_DECODE);
  }
  void read(std::string_view bytes, bool final) {
    carry_ += bytes;
    const std::string context(framer_.context());
    const auto whole = static_cast<size_t>(framer_.frame(carry_, final));
    if (whole == 0) return;
    TextBuilder pieces(host.host(), 1, FLOW_BINARY);
    pieces.append(std::string_view(carry_).substr(0, whole));
    TextBuilder contexts(host.host(), 1, FLOW_BINARY);
    contexts.append(context);
    decoder_.consume(0,
                     out_.make(1,
                               {{"bytes", {pieces.finish(), Type::binary()}},
                                {"context", {contexts.finish(), Type::binary()}}},
                               nullptr),
                     out_);
    carry_.erase(0, whole);
  }
  TestHost host;

 private:
  Raw framer_;
  Raw decoder_;
  Output out_;
  std::string carry_;
};

TEST(Raw, StreamIsOneRow) {
  Stream stream({});
  stream.read("any bytes,\n \xFF", false);
  stream.read(" and the rest\0"s, false);
  EXPECT_TRUE(stream.host.emitted[0].empty());
  stream.read("", true);
  ASSERT_EQ(stream.host.emitted[0].size(), 1U);
  EXPECT_EQ(flow::testing::read_table(stream.host.emitted[0][0])["message"],
            Cells{"any bytes,\n \xFF and the rest\0"s});
}

TEST(Raw, StreamThatIsTooLargeIsReportedOnce) {
  Raw::Options options;
  options.max_size = {10};
  Stream stream(options);
  for (int i = 0; i < 10; ++i) stream.read("bytes", false);
  stream.read("", true);
  EXPECT_TRUE(stream.host.emitted[0].empty());
  ASSERT_EQ(stream.host.failed.size(), 1U);
  EXPECT_EQ(stream.host.failed[0].reason, "too_large");
  EXPECT_EQ(stream.host.failed[0].record, "bytesbytes");
}

TEST(Raw, WritesTheFieldAndNothingMore) {
  TestHost host;
  Raw codec({});
  EXPECT_EQ(encoded(host, codec, {{"message", {"a\n", nullptr, "b"}}}), "a\nb");
  ASSERT_EQ(host.failed.size(), 1U);
  EXPECT_EQ(host.failed[0].reason, "missing_field");
  EXPECT_THROW(encoded(host, codec, {{"message", {1}}}), Failure);
}

}  // namespace
}  // namespace flow::operators::raw_test
