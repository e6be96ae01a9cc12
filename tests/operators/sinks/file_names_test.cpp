#include "operators/sinks/file_names.hpp"

#include <gtest/gtest.h>

#include "tests/operators/common/scratch_folder.hpp"

namespace flow::operators::file_names_test {
namespace {

using flow::testing::ScratchFolder;

TEST(FileNamesTest, NumbersStandBeforeTheExtension) {
  EXPECT_EQ(numbered_path("out/x.ndjson", 1), "out/x-0001.ndjson");
  EXPECT_EQ(numbered_path("out/x.ndjson.gz", 12), "out/x-0012.ndjson.gz");
  EXPECT_EQ(numbered_path("out.d/x", 12345), "out.d/x-12345");
  EXPECT_EQ(numbered_path("out/.hidden", 1), "out/.hidden-0001");
  EXPECT_EQ(numbered_path("x.gz", 1), "x-0001.gz");
  EXPECT_EQ(numbered_path("x.gz", 0), "x.gz");
}

TEST(FileNamesTest, TheNextNumberIsBehindTheHighest) {
  const ScratchFolder scratch;
  scratch.write("x-0002.gz", "");
  scratch.write("x-0010.gz.part", "");
  scratch.write("x-11.gz", "");
  scratch.write("x-0099.gzip", "");
  scratch.write("y.txt", "");
  FileNumbers numbers;
  EXPECT_EQ(numbers.take(scratch.path("x.gz"), 1), 11);
  EXPECT_EQ(numbers.take(scratch.path("x.gz"), 1), 12);
  EXPECT_EQ(numbers.take(scratch.path("y.txt"), 0), 1);
  EXPECT_EQ(numbers.take(scratch.path("z.txt"), 0), 0);
  EXPECT_EQ(numbers.take(scratch.path("w.txt"), 1), 1);
  FileNumbers finished_only(false);
  EXPECT_EQ(finished_only.take(scratch.path("x.gz"), 1), 3);
}

TEST(FileNamesTest, NotedNumbersAreTaken) {
  const ScratchFolder scratch;
  FileNumbers numbers;
  numbers.note(scratch.path("x-0004.txt"));
  numbers.note(scratch.path("y.txt"));
  EXPECT_EQ(numbers.take(scratch.path("x.txt"), 1), 5);
  EXPECT_EQ(numbers.take(scratch.path("y.txt"), 0), 1);
}

}  // namespace
}  // namespace flow::operators::file_names_test
