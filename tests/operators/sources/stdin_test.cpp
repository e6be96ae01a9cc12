#include "operators/sources/stdin.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include "flow/testing/harness.hpp"
#include "tests/operators/common/scratch_folder.hpp"
#include "tests/operators/sources/redirected_input.hpp"

namespace flow::operators::stdin_test {
namespace {

using flow::testing::Harness;
using flow::testing::RedirectedInput;
using flow::testing::ScratchFolder;

std::string text_of(Harness& harness) {
  std::string bytes;
  for (const Batch& batch : harness.pull_batches()) {
    EXPECT_EQ(Int64View(*batch.origin().position)[0], static_cast<int64_t>(bytes.size()));
    EXPECT_STREQ(batch.origin().partition, "stdin");
    bytes += TextView(batch.column(0))[0];
  }
  return bytes;
}

struct Pipe {
  Pipe() {
    if (::pipe(ends.data()) != 0) throw std::runtime_error("pipe");
  }
  ~Pipe() {
    ::close(ends[0]);
    close_writer();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void write(std::string_view text) const {
    ASSERT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void close_writer() {
    if (ends[1] >= 0) ::close(ends[1]);
    ends[1] = -1;
  }
  std::array<int, 2> ends{};
};

TEST(StdinSource, ReadsAPipeToItsEnd) {
  Pipe pipe;
  const RedirectedInput input(pipe.ends[0]);
  auto harness = Harness::of<StdinSource>();
  harness.assign("stdin");
  EXPECT_EQ(harness.poll(), FLOW_IDLE);
  pipe.write("one\nhalf");
  EXPECT_EQ(harness.poll(), FLOW_DONE);
  pipe.write(" a line");
  EXPECT_EQ(harness.poll(), FLOW_DONE);
  pipe.close_writer();
  EXPECT_EQ(harness.poll(), FLOW_END);
  EXPECT_EQ(text_of(harness), "one\nhalf a line");
  EXPECT_TRUE(harness.host().emissions.back().end);
}

TEST(StdinSource, ReadsAFileInPiecesOfReadSize) {
  const ScratchFolder scratch;
  const std::string text(10'000, 'x');
  const RedirectedInput input(scratch.write("in", text));
  auto harness = Harness::of<StdinSource>({{"read_size", 4096}});
  harness.run();
  EXPECT_EQ(harness.host().emissions.size(), 4U);
  EXPECT_EQ(text_of(harness), text);
}

TEST(StdinSource, SmallPieceOccupiesASmallBuffer) {
  Pipe pipe;
  const RedirectedInput input(pipe.ends[0]);
  pipe.write("text");
  auto harness = Harness::of<StdinSource>();
  harness.assign("stdin");
  harness.poll();
  const auto batches = harness.pull_batches();
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_LT(harness.host().account.used(), 8192);
}

TEST(StdinSource, WakeEndsTheWait) {
  Pipe pipe;
  const RedirectedInput input(pipe.ends[0]);
  auto harness = Harness::of<StdinSource>();
  harness.assign("stdin");
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) {
    harness.op()->wake(harness.op());
    EXPECT_EQ(harness.poll(), FLOW_IDLE);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
}

TEST(StdinSource, PositionIsCountedOnWithAWarning) {
  const ScratchFolder scratch;
  const RedirectedInput input(scratch.write("in", "text"));
  std::string position;
  {
    auto first = Harness::of<StdinSource>();
    first.run();
    position = first.host().emissions.back().position;
  }
  const RedirectedInput again(scratch.path("in"));
  auto harness = Harness::of<StdinSource>();
  harness.assign("stdin", &position);
  harness.poll();
  EXPECT_EQ(Int64View(*harness.pull_batches().at(0).origin().position)[0], 4);
  EXPECT_NE(harness.host().logs.back().second.find("counted from byte"), std::string::npos);
  const std::string foreign = "0";
  EXPECT_THROW(harness.assign("stdin", &foreign), std::runtime_error);
}

TEST(StdinSource, SecondReaderIsRefusedWhileThereIsOne) {
  const ScratchFolder scratch;
  const RedirectedInput input(scratch.write("in", "text"));
  {
    const auto first = Harness::of<StdinSource>();
    EXPECT_THROW(Harness::of<StdinSource>(), std::runtime_error);
  }
  EXPECT_NO_THROW(Harness::of<StdinSource>());
}

TEST(StdinSource, FolderIsRefused) {
  const RedirectedInput input("/");
  EXPECT_THROW(Harness::of<StdinSource>(), std::runtime_error);
}

}  // namespace
}  // namespace flow::operators::stdin_test
