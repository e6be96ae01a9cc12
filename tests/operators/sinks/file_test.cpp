#include "operators/sinks/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "flow/testing/harness.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flow::operators::sinks_file_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::ScratchFolder;
using flow::testing::Settings;
using flow::testing::Table;
using flow::testing::UnprivilegedUser;

// Encoded rows.
Table rows(const std::vector<Cell>& cells) { return {{"bytes", Type::binary(), cells}}; }

class FileSinkTest : public ::testing::Test {
 protected:
  Harness open(const std::string& name, const std::string& mode = "append") const {
    return Harness::of<FileSink>({{"path", scratch_.path(name)}, {"mode", mode}});
  }
  static std::string refusal(const std::string& path) {
    try {
      Harness::of<FileSink>({{"path", path}});
    } catch (const std::exception& refused) {
      return refused.what();
    }
    return "";
  }
  static bool logged(Harness& harness, std::string_view text) {
    for (const auto& [level, message] : harness.host().logs) {
      if (message.find(text) != std::string::npos) return true;
    }
    return false;
  }
  static std::string prepare(Harness& harness) {
    flow_buffer* buffer = nullptr;
    int64_t length = 0;
    flow_operator* op = harness.op();
    EXPECT_EQ(op->prepare(op, 1, &buffer, &length), FLOW_DONE);
    const Buffer handle = Buffer::adopt(buffer);
    return {static_cast<const char*>(handle->data), static_cast<size_t>(length)};
  }
  static flow_status abort(Harness& harness, const std::string& handle) {
    flow_operator* op = harness.op();
    return op->abort(op, handle.data(), static_cast<int64_t>(handle.size()));
  }
  static flow_status commit(Harness& harness, const std::string& handle) {
    flow_operator* op = harness.op();
    return op->commit(op, handle.data(), static_cast<int64_t>(handle.size()));
  }

  ScratchFolder scratch_;
};

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(FileSinkTest, RowsAreWrittenAsTheyAre) {
  Harness harness = open("out");
  harness.push(rows({"a\n", std::string("\0\xff\r\n", 4)}));
  harness.push(rows({"c"}));
  EXPECT_EQ(scratch_.read("out"), std::string("a\n\0\xff\r\nc", 7));
  harness.close();
  EXPECT_EQ(scratch_.read("out"), std::string("a\n\0\xff\r\nc", 7));
}

TEST_F(FileSinkTest, MissingFoldersAreMade) {
  Harness harness = open("new/folder/out");
  harness.push(rows({"text"}));
  EXPECT_EQ(scratch_.read("new/folder/out"), "text");
  EXPECT_TRUE(logged(harness, "is new"));
}

TEST_F(FileSinkTest, AppendAddsToWhatIsThereAndSaysSo) {
  scratch_.write("out", "old\n");
  Harness harness = open("out");
  EXPECT_TRUE(logged(harness, "exists, 4 bytes: appending"));
  EXPECT_FALSE(logged(harness, "line break"));
  harness.push(rows({"new\n"}));
  harness.close();
  EXPECT_EQ(scratch_.read("out"), "old\nnew\n");
}

TEST_F(FileSinkTest, AppendingToACutOffLineIsWarnedOf) {
  scratch_.write("out", "old\ncut of");
  Harness harness = open("out");
  EXPECT_TRUE(logged(harness, "does not end in a line break"));
}

TEST_F(FileSinkTest, ReplaceLeavesTheOldFileUntilTheEnd) {
  scratch_.write("out", "old\n");
  Harness harness = open("out", "replace");
  EXPECT_TRUE(logged(harness, "exists (4 bytes, modified 20"));
  EXPECT_TRUE(logged(harness, "stays until this run finishes, then is replaced"));
  harness.push(rows({"new\n"}));
  EXPECT_EQ(scratch_.read("out"), "old\n");
  EXPECT_EQ(scratch_.read("out.part"), "new\n");
  harness.close();
  EXPECT_EQ(scratch_.read("out"), "new\n");
  EXPECT_FALSE(scratch_.has("out.part"));
}

TEST_F(FileSinkTest, ReplaceWithoutARowLeavesAnEmptyFile) {
  scratch_.write("out", "old\n");
  Harness harness = open("out", "replace");
  harness.close();
  EXPECT_TRUE(scratch_.has("out"));
  EXPECT_EQ(scratch_.read("out"), "");
}

TEST_F(FileSinkTest, UnfinishedReplaceLeavesThePartAndSaysSo) {
  scratch_.write("out", "old\n");
  Harness harness = open("out", "replace");
  harness.push(rows({"new\n"}));
  harness.close(false);
  EXPECT_TRUE(logged(harness, "out.part' (4 bytes) is left behind, as the run did not finish"));
  EXPECT_EQ(scratch_.read("out"), "old\n");
  EXPECT_EQ(scratch_.read("out.part"), "new\n");
}

TEST_F(FileSinkTest, PartOfAnUnfinishedRunIsOverwrittenAndToldOf) {
  scratch_.write("out.part", "left behind, and longer\n");
  Harness harness = open("out", "replace");
  harness.push(rows({"new\n"}));
  EXPECT_TRUE(logged(harness, "(24 bytes) was left by an unfinished run: overwritten"));
  harness.close();
  EXPECT_EQ(scratch_.read("out"), "new\n");
}

TEST_F(FileSinkTest, ReplaceFollowsALink) {
  scratch_.write("real/out", "old\n");
  std::filesystem::create_symlink(scratch_.path("real/out"), scratch_.path("link"));
  Harness harness = open("link", "replace");
  harness.push(rows({"new\n"}));
  harness.close();
  EXPECT_EQ(scratch_.read("real/out"), "new\n");
  EXPECT_TRUE(std::filesystem::is_symlink(scratch_.path("link")));
}

TEST_F(FileSinkTest, SecondSinkOnTheSameFileIsRefused) {
  const Harness first = open("out");
  EXPECT_HAS(refusal(scratch_.path("out")), "is being written to by another sink or run");
}

TEST_F(FileSinkTest, DirectoryIsRefused) {
  scratch_.write("folder/x", "");
  EXPECT_HAS(refusal(scratch_.path("folder")), "is a directory; name a file in it, eg: '");
  EXPECT_HAS(refusal(scratch_.path("new/")), "is a directory");
}

TEST_F(FileSinkTest, FileOfSomebodyElseIsRefused) {
  scratch_.write("out", "");
  ASSERT_EQ(::chmod(scratch_.path("out").c_str(), 0400), 0);
  const UnprivilegedUser user;
  EXPECT_HAS(refusal(scratch_.path("out")), "cannot write: Permission denied");
}

TEST_F(FileSinkTest, FolderThatCannotBeMadeIsRefused) {
  scratch_.write("file", "");
  EXPECT_HAS(refusal(scratch_.path("file/out")), "cannot make the folder");
}

TEST_F(FileSinkTest, OtherPeoplesTemplatesAreRefused) {
  EXPECT_HAS(refusal(scratch_.path("out-{{ host }}")), "'{{ ' in it");
  EXPECT_HAS(refusal(scratch_.path("out-${host}")), "'${' in it");
  EXPECT_HAS(refusal(""), "`path` is empty");
}

TEST_F(FileSinkTest, DoubledBracesStandForOne) {
  Harness harness = open("out-{{host}}");
  harness.push(rows({"text"}));
  EXPECT_EQ(scratch_.read("out-{host}"), "text");
}

TEST_F(FileSinkTest, FullDiskIsToldAndTriedAgain) {
  Harness harness = Harness::of<FileSink>({{"path", "/dev/full"}});
  const Batch batch = harness.batch(rows({"text\n"}));
  EXPECT_EQ(harness.try_push(batch), FLOW_RETRY);
  EXPECT_EQ(harness.host().error,
            "file sink: '/dev/full': cannot write: No space left on device; free at least 5 "
            "bytes, the run goes on then");
  EXPECT_EQ(harness.try_push(batch), FLOW_RETRY);
}

TEST_F(FileSinkTest, PipeWaitsForItsReaderAndForASlowOne) {
  ASSERT_EQ(::mkfifo(scratch_.path("pipe").c_str(), 0600), 0);
  Harness harness = open("pipe", "replace");
  EXPECT_TRUE(logged(harness, "waiting for a reader of the pipe"));
  std::string received;
  std::thread reader([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(80));
    const int fd = ::open(scratch_.path("pipe").c_str(), O_RDONLY);
    std::this_thread::sleep_for(std::chrono::milliseconds(80));
    char bytes[10'000];
    for (ssize_t n = 0; (n = ::read(fd, bytes, sizeof bytes)) > 0;) {
      received.append(bytes, static_cast<size_t>(n));
    }
    ::close(fd);
  });
  const std::string row = std::string(9'999, 'r') + "\n";
  std::string expected;
  for (int i = 0; i < 50; ++i) {
    expected += row;
    harness.push(rows({row}));
  }
  harness.close();
  reader.join();
  EXPECT_TRUE(received == expected);
  EXPECT_FALSE(scratch_.has("pipe.part"));
}

TEST_F(FileSinkTest, PipeNobodyReadsGivesUpWhenTheRunStops) {
  ASSERT_EQ(::mkfifo(scratch_.path("pipe").c_str(), 0600), 0);
  Harness harness = open("pipe");
  harness.host().stopping = true;
  EXPECT_EQ(harness.try_push(harness.batch(rows({"a\n", "b\n"}))), FLOW_FAILED);
  EXPECT_HAS(harness.host().error, "2 rows of its batch not written");
  harness.close(false);
}

TEST_F(FileSinkTest, PipeGoesOnWithTheNextReader) {
  ASSERT_EQ(::mkfifo(scratch_.path("pipe").c_str(), 0600), 0);
  const std::string path = scratch_.path("pipe");
  int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  Harness harness = open("pipe");
  ::close(reader);
  const Batch batch = harness.batch(rows({"text\n"}));
  EXPECT_EQ(harness.try_push(batch), FLOW_RETRY);
  EXPECT_HAS(harness.host().error, "its reader has gone");
  reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  EXPECT_EQ(harness.try_push(batch), FLOW_DONE);
  char bytes[10];
  EXPECT_EQ(::read(reader, bytes, sizeof bytes), 5);
  ::close(reader);
}

TEST_F(FileSinkTest, AbortCutsOffWhatWasWrittenAfterPrepare) {
  std::string handle;
  for (const char* mode : {"append", "replace"}) {
    const std::string file = std::string(mode) == "append" ? "out" : "out.part";
    {
      Harness harness = open("out", mode);
      harness.push(rows({"one\n"}));
      handle = prepare(harness);
      harness.push(rows({"two\n"}));
    }
    EXPECT_EQ(scratch_.read(file), "one\ntwo\n");
    Harness harness = open("out", mode);
    EXPECT_EQ(abort(harness, handle), FLOW_DONE) << harness.host().error;
    EXPECT_EQ(scratch_.read(file), "one\n");
    EXPECT_TRUE(logged(harness, "4 bytes written after the checkpoint are cut off"));
    harness.push(rows({"three\n"}));
    EXPECT_EQ(scratch_.read(file), "one\nthree\n");
    harness.close();
    EXPECT_EQ(scratch_.read("out"), "one\nthree\n");
    std::filesystem::remove(scratch_.path("out"));
  }
}

TEST_F(FileSinkTest, CommitRepeatedAfterARestartCutsOffWhatWasWrittenBehindIt) {
  std::string handle;
  {
    Harness harness = open("out", "append");
    harness.push(rows({"one\n"}));
    handle = prepare(harness);
    harness.push(rows({"two\n"}));
    EXPECT_EQ(commit(harness, handle), FLOW_DONE);
    EXPECT_EQ(scratch_.read("out"), "one\ntwo\n");
  }
  Harness harness = open("out", "append");
  EXPECT_EQ(commit(harness, handle), FLOW_DONE) << harness.host().error;
  EXPECT_EQ(scratch_.read("out"), "one\n");
  harness.push(rows({"two\n"}));
  EXPECT_EQ(commit(harness, handle), FLOW_DONE);
  EXPECT_EQ(scratch_.read("out"), "one\ntwo\n");
}

TEST_F(FileSinkTest, AbandonedCheckpointLosesNothingOfARunThatGoesOn) {
  for (const char* mode : {"append", "replace"}) {
    Harness harness = open("out", mode);
    harness.push(rows({"one\n"}));
    const std::string handle = prepare(harness);
    harness.push(rows({"two\n"}));
    EXPECT_EQ(abort(harness, handle), FLOW_DONE) << harness.host().error;
    harness.push(rows({"three\n"}));
    harness.close();
    EXPECT_EQ(scratch_.read("out"), "one\ntwo\nthree\n");
    std::filesystem::remove(scratch_.path("out"));
  }
}

TEST_F(FileSinkTest, HandleThatDoesNotFitIsRefused) {
  std::string handle;
  {
    Harness harness = open("out");
    harness.push(rows({"one\n"}));
    handle = prepare(harness);
  }
  Harness other = open("other");
  EXPECT_EQ(abort(other, handle), FLOW_FAILED);
  EXPECT_HAS(other.host().error, "give it the old path back");
  Harness same = open("out");
  std::filesystem::resize_file(scratch_.path("out"), 1);
  EXPECT_EQ(abort(same, handle), FLOW_FAILED);
  EXPECT_HAS(same.host().error, "has 1 bytes, and had 4 bytes at the checkpoint");
  EXPECT_EQ(abort(same, "2 4 x"), FLOW_FAILED);
  EXPECT_EQ(abort(same, "1 4"), FLOW_FAILED);
}

TEST_F(FileSinkTest, InstanceThatNeverBeganLeavesNoNewFile) {
  for (const char* mode : {"append", "replace"}) {
    { const Harness harness = open("out", mode); }
    EXPECT_FALSE(scratch_.has("out") || scratch_.has("out.part")) << mode;
  }
  scratch_.write("out", "");
  { const Harness harness = open("out", "append"); }
  EXPECT_TRUE(scratch_.has("out"));
}

TEST_F(FileSinkTest, RunWithoutARowLeavesAnEmptyFile) {
  for (const char* mode : {"append", "replace"}) {
    Harness harness = open("out", mode);
    harness.close();
    EXPECT_TRUE(scratch_.has("out")) << mode;
    std::filesystem::remove(scratch_.path("out"));
  }
}

TEST_F(FileSinkTest, RowsThatAreNotEncodedAreRefused) {
  Harness harness = open("out");
  EXPECT_EQ(harness.try_push(harness.batch({{"n", {1}}})), FLOW_FAILED);
  EXPECT_HAS(harness.host().error, "name a codec, eg: encoding = \"json\"");
}

}  // namespace
}  // namespace flow::operators::sinks_file_test
