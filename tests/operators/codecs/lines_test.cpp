#include "operators/codecs/lines.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"
#include "tests/operators/codecs/codec_stream.hpp"

namespace flow::operators::lines_test {
namespace {

using flow::testing::Cell;
using flow::testing::CodecStream;
using flow::testing::Harness;
using flow::testing::Table;
using namespace std::string_literals;

std::vector<Cell> messages(CodecStream<Lines>& stream) {
  const Table table = stream.pull();
  return table.columns.empty() ? std::vector<Cell>() : table["message"];
}

TEST(Lines, EachLineIsARowWithoutItsEnd) {
  CodecStream<Lines> stream;
  stream.read("first line of text\r\nshort\n");
  EXPECT_EQ(messages(stream), (std::vector<Cell>{"first line of text", "short"}));
  EXPECT_TRUE(stream.balanced());
}

TEST(Lines, LastLineNeedsNoNewline) {
  CodecStream<Lines> stream;
  stream.read("a\nand the last one of all");
  EXPECT_EQ(messages(stream), std::vector<Cell>{"a"});
  stream.finish();
  EXPECT_EQ(messages(stream), std::vector<Cell>{"and the last one of all"});
}

TEST(Lines, NulBytesAreKept) {
  CodecStream<Lines> stream;
  stream.read("a\0b\n\0\n"s);
  EXPECT_EQ(messages(stream), (std::vector<Cell>{"a\0b"s, "\0"s}));
}

TEST(Lines, OnlyOneCarriageReturnBelongsToTheEnd) {
  CodecStream<Lines> stream;
  stream.read("a\r\r\nb\rc\n\r\n");
  EXPECT_EQ(messages(stream), (std::vector<Cell>{"a\r", "b\rc"}));
  EXPECT_EQ(stream.host.dropped["empty line"], 1);
}

TEST(Lines, EmptyLinesAreDroppedOrKept) {
  CodecStream<Lines> dropping;
  dropping.read("\na\n\n\nb\n");
  EXPECT_EQ(messages(dropping), (std::vector<Cell>{"a", "b"}));
  EXPECT_EQ(dropping.host.dropped["empty line"], 3);
  EXPECT_TRUE(dropping.balanced());

  Lines::Options options;
  options.keep_empty = true;
  CodecStream<Lines> keeping(options);
  keeping.read("\na\n\n");
  EXPECT_EQ(messages(keeping), (std::vector<Cell>{"", "a", ""}));
  EXPECT_TRUE(keeping.balanced());
}

TEST(Lines, MessageSharesTheBytesThatWereRead) {
  CodecStream<Lines> stream;
  stream.read("a line that is longer than a view\n");
  const Batch batch = stream.host.emitted[0].at(0);
  EXPECT_EQ(batch.column(0).data[0], batch.origin().record->data[0]);
  EXPECT_EQ(batch.column(0).array->buffers[1], batch.origin().record->array->buffers[1]);
}

TEST(Lines, OriginNamesPartitionPositionAndRecord) {
  CodecStream<Lines> stream;
  stream.read("one\ntwo \xff\n");
  stream.read("three\n");
  const Batch first = stream.host.emitted[0].at(0);
  const Batch second = stream.host.emitted[0].at(1);
  EXPECT_STREQ(first.origin().partition, "a.log");
  EXPECT_EQ(Int64View(*first.origin().position)[1], 4);
  EXPECT_EQ(Int64View(*second.origin().position)[0], 10);
  EXPECT_EQ(TextView(*first.origin().record)[1], "two \xff");
}

TEST(Lines, InvalidUtf8IsRepairedInThatLineOnlyAndCounted) {
  CodecStream<Lines> stream;
  stream.read("good line with enough bytes\nbad \xE2\x82 and \xFF\xFE bytes\nplain\n");
  EXPECT_EQ(messages(stream),
            (std::vector<Cell>{"good line with enough bytes",
                               "bad \xEF\xBF\xBD and \xEF\xBF\xBD\xEF\xBF\xBD bytes", "plain"}));
  EXPECT_EQ(stream.host.metrics["invalid_utf8_rows"], 1);
}

TEST(Lines, SequenceCutByALineEndIsInvalidOnBothSides) {
  CodecStream<Lines> stream;
  stream.read("\xC3\n\xA9\n");
  EXPECT_EQ(messages(stream), (std::vector<Cell>{"\xEF\xBF\xBD", "\xEF\xBF\xBD"}));
}

TEST(Lines, LongLineInsideAPieceFailsAlone) {
  Lines::Options options;
  options.max_line = {10};
  CodecStream<Lines> stream(options);
  stream.read("before\n" + std::string(25, 'x') + "\nafter\n" + std::string(10, 'y') + "\r\n");
  EXPECT_EQ(messages(stream), (std::vector<Cell>{"before", "after", std::string(10, 'y')}));
  ASSERT_EQ(stream.host.failed.size(), 1U);
  EXPECT_EQ(stream.host.failed[0].reason, "line_too_long");
  EXPECT_EQ(stream.host.failed[0].record, std::string(10, 'x'));
  EXPECT_TRUE(stream.balanced());
}

TEST(Lines, MessageTooLongForTheLimitFailsThoughNothingFramedIt) {
  Lines::Options options;
  options.max_line = {10};
  CodecStream<Lines> stream(options);
  stream.decode(std::string(30, 'x'));
  stream.decode(std::string(30, 'x') + "\nshort\n");
  EXPECT_EQ(stream.host.failed.size(), 2U);
  EXPECT_EQ(messages(stream), std::vector<Cell>{"short"});
}

TEST(Lines, LineLongerThanMemoryIsOneDeadLetterWhateverTheReads) {
  const std::string huge = "HUGE" + std::string(5000, 'x');
  const std::string text = "before one\n" + huge + "\nbetween\r\n" + huge + "\r\nafter\n" + huge;
  for (const size_t read : {1, 7, 99, 100, 101, 250, 5003, 5004, 100000}) {
    Lines::Options options;
    options.max_line = {100};
    CodecStream<Lines> stream(options);
    stream.read_in_pieces(text, read);
    EXPECT_EQ(messages(stream), (std::vector<Cell>{"before one", "between", "after"})) << read;
    ASSERT_EQ(stream.host.failed.size(), 3U) << "reads of " << read;
    for (const auto& failed : stream.host.failed) {
      EXPECT_EQ(failed.reason, "line_too_long");
      EXPECT_EQ(failed.record, huge.substr(0, 100));
    }
    EXPECT_LE(stream.largest_carry, 2 * 102 + 2 * read);
    EXPECT_TRUE(stream.balanced());
  }
}

TEST(Lines, RandomLinesAndReadsGiveTheSameRows) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::string text;
  std::vector<Cell> expected;
  size_t too_long = 0;
  for (int i = 0; i < 500; ++i) {
    const size_t length = random() % 4 == 0 ? random() % 400 : random() % 40;
    std::string line;
    for (size_t at = 0; at < length; ++at) line += static_cast<char>('a' + random() % 26);
    text += line + (random() % 2 == 0 ? "\n" : "\r\n");
    if (length > 64) {
      ++too_long;
    } else if (length > 0) {
      expected.emplace_back(line);
    }
  }
  for (int run = 0; run < 20; ++run) {
    Lines::Options options;
    options.max_line = {64};
    CodecStream<Lines> stream(options);
    for (std::string_view rest = text; !rest.empty();) {
      const size_t size = std::min<size_t>(1 + random() % 300, rest.size());
      stream.read(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    stream.finish();
    EXPECT_EQ(messages(stream), expected);
    EXPECT_EQ(stream.host.failed.size(), too_long);
    EXPECT_TRUE(stream.balanced());
  }
}

TEST(Lines, ReaderThatStartsInsideALongLineTakesNoPartOfItForARow) {
  const std::string huge(1000, 'x');
  Lines::Options options;
  options.max_line = {100};
  CodecStream<Lines> before(options);
  before.read(huge);
  const auto taken = static_cast<size_t>(before.host.failed.size());
  ASSERT_EQ(taken, 1U);
  // The next read would begin here: 102 bytes are held back.
  CodecStream<Lines> after(options);
  after.read(huge.substr(1000 - 102) + "\ngood\n");
  EXPECT_EQ(messages(after), std::vector<Cell>{"good"});
  EXPECT_EQ(after.host.failed.size(), 1U);
}

TEST(Lines, Line64MiBLongIsOneDeadLetterInBoundedMemory) {
  constexpr size_t kMiB = 1 << 20;
  Lines::Options options;
  CodecStream<Lines> stream(options);
  stream.read("good before\n");
  const std::string part(kMiB / 4, 'z');
  for (int i = 0; i < 256; ++i) stream.read(part);
  stream.read("\ngood after\n");
  stream.finish();
  EXPECT_EQ(messages(stream), (std::vector<Cell>{"good before", "good after"}));
  ASSERT_EQ(stream.host.failed.size(), 1U);
  EXPECT_EQ(stream.host.failed[0].record.size(), kMiB);
  EXPECT_LE(stream.largest_carry, 3 * kMiB);
  EXPECT_LE(stream.host.account.peak(), static_cast<int64_t>(4 * kMiB));
  EXPECT_TRUE(stream.balanced());
}

TEST(Lines, Line64MiBLongIsARowWhereMaxLineAllowsIt) {
  Lines::Options options;
  options.max_line = {128 << 20};
  CodecStream<Lines> stream(options);
  stream.read("good before\n" + std::string(64 << 20, 'z'));
  stream.read("\ngood after\n");
  const Batch batch = stream.host.emitted[0].at(1);
  EXPECT_EQ(TextView(batch.column(0))[0].size(), size_t{64} << 20);
  EXPECT_EQ(TextView(batch.column(0))[1], "good after");
  EXPECT_TRUE(stream.host.failed.empty());
}

TEST(Lines, EncodingWritesTheFieldAndALineFeed) {
  auto harness = Harness::of<Lines>({}, FLOW_ROLE_ENCODE);
  harness.push({{"other", {1, 2}}, {"message", {"a", "a text longer than twelve bytes"}}});
  EXPECT_EQ(harness.pull(), (Table{{"bytes", {"a\n", "a text longer than twelve bytes\n"}}}));
}

TEST(Lines, EncodingAMessageAddsNoLineFeed) {
  auto harness = Harness::of<Lines>({{"field", "kind"}}, FLOW_ROLE_ENCODE_MESSAGE);
  harness.push({{"kind", Type::category(), {"a", "b", "a"}}});
  EXPECT_EQ(harness.pull(), (Table{{"bytes", {"a", "b", "a"}}}));
}

TEST(Lines, EncodingRowsWithoutTheFieldFailsThemAlone) {
  auto harness = Harness::of<Lines>({}, FLOW_ROLE_ENCODE);
  harness.push({{"message", {"a", nullptr, "c"}}});
  EXPECT_EQ(harness.pull(), (Table{{"bytes", {"a\n", "c\n"}}}));
  ASSERT_EQ(harness.failed().size(), 1U);
  EXPECT_EQ(harness.failed()[0].reason, "missing_field");
  EXPECT_EQ(harness.failed()[0].row, 1);
  harness.push({{"other", {"x", "y"}}});
  EXPECT_EQ(harness.failed().size(), 3U);
}

TEST(Lines, EncodingANumberIsRefusedWithTheRemedy) {
  auto harness = Harness::of<Lines>({{"field", "n"}}, FLOW_ROLE_ENCODE);
  EXPECT_THROW(harness.push({{"n", {1}}}), std::runtime_error);
}

TEST(Lines, EncodingPutsTheRowsNextToEachOtherInOneBuffer) {
  auto harness = Harness::of<Lines>({}, FLOW_ROLE_ENCODE);
  harness.push({{"message", {"the first of two rows", "the second of two rows"}}});
  const Batch batch = harness.pull_batches().at(0);
  const flow_column& column = batch.column(0);
  ASSERT_EQ(column.n_data, 1);
  EXPECT_EQ(std::string_view(static_cast<const char*>(column.data[0]->data), 45),
            "the first of two rows\nthe second of two rows\n");
}

}  // namespace
}  // namespace flow::operators::lines_test
