#include "operators/sinks/stdout.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "flow/testing/harness.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flow::operators::stdout_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::ScratchFolder;
using flow::testing::Table;

Table rows(const std::vector<Cell>& cells) { return {{"bytes", Type::binary(), cells}}; }

// The standard output is `fd` until the end of the scope.
class StandardOutput {
 public:
  explicit StandardOutput(int fd) {
    std::fflush(stdout);
    before_ = ::dup(STDOUT_FILENO);
    ::dup2(fd, STDOUT_FILENO);
  }
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;
  ~StandardOutput() {
    std::fflush(stdout);
    ::dup2(before_, STDOUT_FILENO);
    ::close(before_);
  }

 private:
  int before_;
};

TEST(StdoutSinkTest, RowsGoToAFile) {
  const ScratchFolder scratch;
  const int file = ::open(scratch.path("out").c_str(), O_WRONLY | O_CREAT, 0600);
  {
    const StandardOutput standard_output(file);
    Harness harness = Harness::of<StdoutSink>();
    harness.push(rows({"one\n", "two\n"}));
    harness.push(rows({"three\n"}));
    harness.close();
  }
  ::close(file);
  EXPECT_EQ(scratch.read("out"), "one\ntwo\nthree\n");
}

TEST(StdoutSinkTest, OutputBeginsWithTheHeaderUnlessItIsAddedTo) {
  const ScratchFolder scratch;
  const auto with_header = [](const char* bytes, const char* header) {
    Table table = rows({bytes});
    table.columns.push_back({"prologue", Type::binary(), {header}});
    return table;
  };
  for (int run = 0; run < 2; ++run) {
    const int file = ::open(scratch.path("out").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    {
      const StandardOutput standard_output(file);
      Harness harness = Harness::of<StdoutSink>();
      harness.push(with_header("1\n", "a\n"));
      harness.push(with_header("2\n", "b\n"));
      harness.push(with_header("3\n", "a\n"));
      harness.close();
      ASSERT_EQ(harness.failed().size(), 1u);
      EXPECT_EQ(harness.failed()[0].reason, "other_columns");
    }
    ::close(file);
  }
  EXPECT_EQ(scratch.read("out"), "a\n1\n3\n1\n3\n");
}

TEST(StdoutSinkTest, SlowPipeGetsEverything) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string row = std::string(99'999, 'r') + "\n";
  std::string received;
  std::thread reader([&] {
    char bytes[3'000];
    for (ssize_t n = 0; (n = ::read(ends[0], bytes, sizeof bytes)) > 0;) {
      received.append(bytes, static_cast<size_t>(n));
    }
  });
  {
    const StandardOutput standard_output(ends[1]);
    ::close(ends[1]);
    Harness harness = Harness::of<StdoutSink>();
    for (int i = 0; i < 10; ++i) harness.push(rows({row}));
    harness.close();
  }
  reader.join();
  ::close(ends[0]);
  std::string expected;
  for (int i = 0; i < 10; ++i) expected += row;
  EXPECT_TRUE(received == expected);
}

TEST(StdoutSinkTest, ReaderThatHasGoneEndsTheRun) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  flow_status status = FLOW_DONE;
  std::string error;
  {
    const StandardOutput standard_output(ends[1]);
    Harness harness = Harness::of<StdoutSink>();
    status = harness.try_push(harness.batch(rows({"one\n", "two\n"})));
    error = harness.host().error;
  }
  ::close(ends[1]);
  EXPECT_EQ(status, FLOW_FAILED);
  EXPECT_NE(error.find("its reader has gone, 2 rows of the batch not written"), std::string::npos)
      << error;
}

}  // namespace
}  // namespace flow::operators::stdout_test
