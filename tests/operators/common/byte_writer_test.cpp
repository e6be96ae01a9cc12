#include "operators/common/byte_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include "flow/output.hpp"
#include "flow/testing/host.hpp"
#include "operators/common/file_descriptor.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flow::operators::byte_writer_test {
namespace {

using flow::testing::ScratchFolder;
using flow::testing::TestHost;

// Rows as an encoder leaves them: one behind the other in one buffer, short ones in their views
// too.
Batch encoded(TestHost& host, const std::vector<std::string>& rows) {
  std::string all;
  for (const std::string& row : rows) all += row;
  const Buffer buffer = host.host().allocate(static_cast<int64_t>(all.size()));
  auto* base = static_cast<char*>(buffer->data);
  all.copy(base, all.size());
  TextBuilder builder(host.host(), static_cast<int64_t>(rows.size()), FLOW_BINARY);
  const int32_t number = builder.share(buffer);
  const char* at = base;
  for (const std::string& row : rows) {
    builder.append_shared({at, row.size()}, number, base);
    at += row.size();
  }
  Output output(host.abi());
  return output.make(static_cast<int64_t>(rows.size()),
                     {{"bytes", {builder.finish(), Type::binary()}}}, nullptr);
}

class ByteWriterTest : public ::testing::Test {
 protected:
  ByteWriterTest()
      : file_(::open(scratch_.path("out").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600)) {
    writer_.attach(file_.get());
  }
  std::string text() const { return scratch_.read("out"); }

  ScratchFolder scratch_;
  TestHost host_;
  FileDescriptor file_;
  ByteWriter writer_{"test"};
};

TEST_F(ByteWriterTest, ContiguousRowsAreWrittenWithoutACopy) {
  const std::string long_row(100'000, 'x');
  const Batch batch = encoded(host_, {long_row + "\n", "short\n", "\n", long_row + "\n", "end\n"});
  const int64_t before = host_.account.peak();
  writer_.write(batch, host_.host());
  EXPECT_EQ(text(), long_row + "\nshort\n\n" + long_row + "\nend\n");
  EXPECT_EQ(host_.account.peak(), before) << "a buffer to collect rows in was allocated";
}

TEST_F(ByteWriterTest, ScatteredRowsKeepTheirOrder) {
  std::vector<std::string> rows;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    rows.push_back(std::string(static_cast<size_t>(i % 40), static_cast<char>('a' + i % 26)) +
                   "\n");
    if (i % 500 == 7) rows.back().assign(40'000, 'L').push_back('\n');
  }
  const Batch batch = encoded(host_, rows);
  std::vector<int32_t> backwards;
  for (int32_t row = 1999; row >= 0; --row) {
    backwards.push_back(row);
    expected += rows[static_cast<size_t>(row)];
  }
  const Batch reversed = host_.host().select(batch, backwards.data(), 2000);
  writer_.write(reversed, host_.host());
  EXPECT_TRUE(text() == expected);
  EXPECT_EQ(writer_.written(), static_cast<int64_t>(expected.size()));
}

TEST_F(ByteWriterTest, ShortRowsThatDifferFromTheBytesBehindTheRunAreNotMistaken) {
  const Batch batch = encoded(host_, {"a long row, not inline\n", "short\n", "other\n"});
  const std::vector<int32_t> rows{0, 2, 1};
  writer_.write(host_.host().select(batch, rows.data(), 3), host_.host());
  EXPECT_EQ(text(), "a long row, not inline\nother\nshort\n");
}

TEST_F(ByteWriterTest, NullAndEmptyRowsWriteNothing) {
  TextBuilder builder(host_.host(), 3, FLOW_BINARY);
  builder.append_null();
  builder.append("");
  builder.append("text\n");
  Output output(host_.abi());
  writer_.write(output.make(3, {{"bytes", {builder.finish(), Type::binary()}}}, nullptr),
                host_.host());
  EXPECT_EQ(text(), "text\n");
}

TEST_F(ByteWriterTest, RowsThatAreNotEncodedAreRefused) {
  Int64Builder builder(host_.host(), 1);
  builder.append(1);
  Output output(host_.abi());
  const Batch batch = output.make(1, {{"n", {builder.finish(), Type::int64()}}}, nullptr);
  EXPECT_THROW(writer_.write(batch, host_.host()), Failure);
}

TEST_F(ByteWriterTest, FileThatReachedItsLimitIsCompletedLaterAndNothingDoubles) {
  std::string row(999, 'r');
  row.push_back('\n');
  const Batch scattered = [&] {
    const std::vector<int32_t> rows{2, 1, 0};
    return host_.host().select(encoded(host_, {"0" + row, "1" + row, "2" + row}), rows.data(), 3);
  }();
  const Batch contiguous = encoded(host_, {"3" + row, "4" + row});
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit limit = before;
  std::string message;
  for (const Batch& batch : {scattered, contiguous}) {
    limit.rlim_cur = text().size() + 1500;
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 0; i < 2; ++i) {
      try {
        writer_.write(batch, host_.host());
      } catch (const Retry& retry) {
        message = retry.what();
      }
    }
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_NE(message.find("test: cannot write: File too large"), std::string::npos) << message;
    EXPECT_EQ(text().size(), limit.rlim_cur);
    writer_.write(batch, host_.host());
  }
  EXPECT_EQ(text(), "2" + row + "1" + row + "0" + row + "3" + row + "4" + row);
}

TEST_F(ByteWriterTest, BrokenPipeRaisesNoSignalAndIsTriedAgain) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const FileDescriptor to(ends[1]);
  FileDescriptor from(ends[0]);
  for (const bool final : {false, true}) {
    ByteWriter writer("test");
    writer.attach(to.get(), final);
    from.reset();
    const Batch batch = encoded(host_, {"text\n"});
    if (final) {
      EXPECT_THROW(writer.write(batch, host_.host()), Failure);
    } else {
      EXPECT_THROW(writer.write(batch, host_.host()), Retry);
    }
  }
  sigset_t pending;
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGPIPE), 0);
}

TEST_F(ByteWriterTest, PipeNobodyReadsStopsWhenTheRunStops) {
  for (const int flags : {0, O_NONBLOCK}) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, flags), 0);
    const FileDescriptor from(ends[0]);
    const FileDescriptor to(ends[1]);
    ByteWriter writer("test");
    writer.attach(to.get());
    std::string row(9'999, 'r');
    row.push_back('\n');
    host_.stopping = true;
    try {
      writer.write(encoded(host_, std::vector<std::string>(20, row)), host_.host());
      FAIL() << "a pipe took 200 kB";
    } catch (const Failure& failure) {
      EXPECT_STREQ(failure.what(),
                   "stopped while test took no more: 14 rows of its batch not written");
    }
  }
}

TEST_F(ByteWriterTest, DescriptorsThatCannotBeWrittenToAreRefused) {
  const FileDescriptor reading(::open(scratch_.path("out").c_str(), O_RDONLY));
  EXPECT_THROW(ByteWriter("test").attach(reading.get()), Failure);
  EXPECT_THROW(ByteWriter("test").attach(-1), Failure);
}

}  // namespace
}  // namespace flow::operators::byte_writer_test
