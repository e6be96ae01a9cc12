#include "operators/sources/file_follow.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/operators/common/scratch_folder.hpp"
#include "tests/operators/sources/follow_reader.hpp"

namespace flow::operators::file_follow_test {
namespace {

using flow::testing::FollowReader;
using flow::testing::ScratchFolder;
using flow::testing::UnprivilegedUser;
using Texts = std::vector<std::string>;

void append(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::app) << bytes;
}

class FileFollowTest : public ::testing::Test {
 protected:
  ScratchFolder scratch_;
  std::string log_ = scratch_.path("app.log");
};

TEST_F(FileFollowTest, WhatIsAppendedComesAndTheSourceDoesNotEnd) {
  append(log_, "one\n");
  FollowReader reader({log_});
  EXPECT_TRUE(reader.until([&] { return reader.all() == "one\n"; }));
  append(log_, "two\n");
  EXPECT_TRUE(reader.until([&] { return reader.all() == "one\ntwo\n"; }));
  reader.settle();
  EXPECT_EQ(reader.ends(), 0U);
  EXPECT_EQ(reader.harness().metric("source_bytes_total"), 8);
  EXPECT_EQ(reader.harness().metric("source_bytes_read"), 8);
}

TEST_F(FileFollowTest, PositionsCountBytesOfTheFile) {
  append(log_, "one\n");
  FollowReader reader({log_});
  reader.settle();
  reader.harness().pull_batches();
  append(log_, "two\n");
  std::vector<Batch> batches;
  while (batches.empty()) {
    reader.harness().poll();
    batches = reader.harness().pull_batches();
  }
  EXPECT_EQ(Int64View(*batches[0].origin().position)[0], 4);
  EXPECT_EQ(std::string(batches[0].origin().partition).rfind(log_ + "#", 0), 0U);
}

TEST_F(FileFollowTest, FileThatAppearsLaterIsReadFromItsBeginning) {
  FollowReader reader({log_}, {{"read_from", "end"}});
  reader.settle();
  EXPECT_TRUE(reader.logged("no file yet"));
  append(log_, "first\n");
  EXPECT_TRUE(reader.until([&] { return reader.all() == "first\n"; }));
}

TEST_F(FileFollowTest, ReadFromEndSkipsWhatIsThere) {
  append(log_, "old\n");
  FollowReader reader({log_}, {{"read_from", "end"}});
  reader.settle();
  append(log_, "new\n");
  EXPECT_TRUE(reader.until([&] { return reader.all() == "new\n"; }));
}

TEST_F(FileFollowTest, FolderThatAppearsIsFoundBySecondsLooking) {
  FollowReader reader({scratch_.path("*/app.log")});
  reader.settle();
  scratch_.write("service/app.log", "text\n");
  reader.pass(1.1);
  EXPECT_TRUE(reader.until([&] { return reader.all() == "text\n"; }));
  append(scratch_.path("service/app.log"), "more\n");
  EXPECT_TRUE(reader.until([&] { return reader.all() == "text\nmore\n"; }));
}

TEST_F(FileFollowTest, RenamedFileIsReadToItsEndBesideTheNewOne) {
  append(log_, "1\n");
  FollowReader reader({log_});
  reader.settle();
  const int writer = ::open(log_.c_str(), O_WRONLY | O_APPEND);
  std::filesystem::rename(log_, scratch_.path("app.log.1"));
  append(log_, "2\n");
  reader.settle();
  ASSERT_EQ(::write(writer, "still 1\n", 8), 8);
  EXPECT_TRUE(reader.until([&] { return reader.all().size() == 12; }));
  EXPECT_EQ(reader.harness().metric("file_rotations"), 1);
  reader.pass(4);
  reader.settle();
  ASSERT_EQ(::write(writer, "half", 4), 4);
  ::close(writer);
  reader.settle();
  EXPECT_EQ(reader.ends(), 0U) << "the wait begins anew with each byte";
  reader.pass(5.1);
  reader.settle();
  EXPECT_EQ(reader.ends(), 1U);
  Texts streams = reader.of(log_);
  std::sort(streams.begin(), streams.end());
  EXPECT_EQ(streams, (Texts{"1\nstill 1\nhalf", "2\n"}));
  EXPECT_EQ(reader.harness().metric("files_open"), 1);
}

TEST_F(FileFollowTest, RenamedFileThatMatchesIsNotReadAgain) {
  append(log_, "1\n");
  FollowReader reader({scratch_.path("app.log*")});
  reader.settle();
  std::filesystem::rename(log_, scratch_.path("app.log.1"));
  append(log_, "2\n");
  reader.settle();
  reader.pass(10);
  reader.settle();
  append(scratch_.path("app.log.1"), "3\n");
  EXPECT_TRUE(reader.until([&] { return reader.all().size() == 6; }));
  EXPECT_EQ(reader.ends(), 0U);
  scratch_.write("app.log.2.gz", "packed");
  reader.pass(10);
  reader.settle();
  EXPECT_EQ(reader.all().size(), 6U);
}

TEST_F(FileFollowTest, RemovedFileIsReadToItsEnd) {
  append(log_, "1\n");
  FollowReader reader({log_});
  reader.settle();
  append(log_, "2\n");
  std::filesystem::remove(log_);
  EXPECT_TRUE(reader.until([&] { return reader.all() == "1\n2\n"; }));
  reader.pass(5.1);
  reader.settle();
  EXPECT_EQ(reader.ends(), 1U);
  append(log_, "3\n");
  EXPECT_TRUE(reader.until([&] { return reader.all().find("3\n") != std::string::npos; }));
}

TEST_F(FileFollowTest, FilesRenamedBeforeTheyCouldBeOpenedAreFollowedByName) {
  FollowReader reader({log_});
  reader.settle();
  for (int i = 0; i < 50; ++i) {
    append(log_, "line " + std::to_string(i) + "\n");
    for (int age = std::min(i, 3); age > 0; --age) {
      const std::string name = scratch_.path("app.log." + std::to_string(i - age));
      std::filesystem::rename(name, name + "x");
      std::filesystem::rename(name + "x", name);
    }
    std::filesystem::rename(log_, scratch_.path("app.log." + std::to_string(i)));
  }
  reader.settle();
  EXPECT_EQ(reader.streams().size(), 50U);
  for (int i = 0; i < 50; ++i) {
    const Texts streams = reader.of(log_);
    EXPECT_EQ(std::count(streams.begin(), streams.end(), "line " + std::to_string(i) + "\n"), 1);
  }
}

TEST_F(FileFollowTest, FileReplacedByRenameIsDrainedAndTheNewOneRead) {
  append(log_, "old\n");
  FollowReader reader({log_});
  reader.settle();
  append(log_, "last\n");
  scratch_.write("new", "new\n");
  std::filesystem::rename(scratch_.path("new"), log_);
  EXPECT_TRUE(reader.until([&] { return reader.all().size() == 13; }));
  EXPECT_EQ(reader.streams().size(), 2U);
}

TEST_F(FileFollowTest, TruncatedFileEndsItsStreamAndBeginsAnother) {
  append(log_, "first line\nhalf");
  FollowReader reader({log_});
  reader.settle();
  std::filesystem::resize_file(log_, 0);
  reader.settle();
  append(log_, "second\n");
  reader.settle();
  EXPECT_EQ(reader.of(log_), (Texts{"first line\nhalf", "second\n"}));
  EXPECT_EQ(reader.harness().metric("file_truncations"), 1);
  EXPECT_EQ(reader.harness().metric("source_bytes_read"), 22);
  EXPECT_EQ(reader.harness().metric("source_bytes_total"), 22);
}

TEST_F(FileFollowTest, TruncationIsNoticedAlthoughTheFileHasGrownPastThePlace) {
  append(log_, "first\n");
  FollowReader reader({log_});
  reader.settle();
  for (const std::string content : {"longer than the first\n", "another of the same  \n"}) {
    std::filesystem::resize_file(log_, 0);
    append(log_, content);
    reader.settle();
    EXPECT_EQ(reader.of(log_).back(), content);
  }
}

TEST_F(FileFollowTest, HalfALineIsEndedAfterPartialTimeoutOnce) {
  FollowReader reader({log_}, {{"partial_timeout", "2s"}});
  append(log_, "whole\nhalf");
  reader.settle();
  reader.pass(1.9);
  reader.settle();
  EXPECT_EQ(reader.ends(), 0U);
  reader.pass(0.2);
  reader.settle();
  reader.pass(100);
  reader.settle();
  EXPECT_EQ(reader.ends(), 1U);
  append(log_, "rest\n");
  reader.settle();
  reader.pass(100);
  reader.settle();
  EXPECT_EQ(reader.of(log_), (Texts{"whole\nhalf", "rest\n"}));
  EXPECT_EQ(reader.ends(), 1U);
}

TEST_F(FileFollowTest, MoreFilesThanDescriptors) {
  FollowReader reader({scratch_.path("*.log")}, {{"max_open_files", 4}});
  std::string expected;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 60; ++i) {
      append(scratch_.path(std::to_string(i) + ".log"), std::to_string(round));
    }
    reader.settle();
    EXPECT_LE(reader.harness().metric("files_open"), 4);
  }
  EXPECT_EQ(reader.streams().size(), 60U);
  for (const auto& [partition, streams] : reader.streams()) EXPECT_EQ(streams, Texts{"012"});
}

TEST_F(FileFollowTest, ClosedFileThatIsRenamedIsStillReadToItsEnd) {
  FollowReader reader({scratch_.path("*.log")}, {{"max_open_files", 2}});
  for (int i = 0; i < 10; ++i) append(scratch_.path(std::to_string(i) + ".log"), "1");
  reader.settle();
  for (int i = 0; i < 10; ++i) {
    const std::string path = scratch_.path(std::to_string(i) + ".log");
    std::filesystem::rename(path, path + ".old");
    append(path + ".old", "2");
  }
  reader.settle();
  EXPECT_EQ(reader.streams().size(), 10U);
  for (const auto& [partition, streams] : reader.streams()) EXPECT_EQ(streams[0], "12");
  EXPECT_EQ(reader.harness().metric("file_read_errors"), 0);
}

TEST_F(FileFollowTest, RestoredFileGoesOnUnderAnotherNameAndTheNewOneFromItsStart) {
  append(log_, "1\n2\n");
  std::map<std::string, std::string> reached;
  {
    FollowReader reader({log_});
    reader.settle();
    reached = reader.reached();
  }
  ASSERT_EQ(reached.size(), 1U);
  append(log_, "3\n");
  std::filesystem::rename(log_, scratch_.path("app.log.1"));
  append(log_, "4\n");
  FollowReader reader({log_});
  reader.harness().assign(reached.begin()->first, &reached.begin()->second);
  reader.settle();
  EXPECT_EQ(reader.streams().at(reached.begin()->first).front(), "3\n");
  EXPECT_EQ(reader.all().size(), 4U);
}

TEST_F(FileFollowTest, RestoredFileIsFoundAmongThoseThatMatch) {
  append(log_, "1\n");
  FollowReader before({scratch_.path("app.log*")});
  before.settle();
  const auto [partition, position] = *before.reached().begin();
  std::filesystem::rename(log_, scratch_.path("app.log.1"));
  append(scratch_.path("app.log.1"), "2\n");
  for (const bool saved_first : {true, false}) {
    FollowReader reader({scratch_.path("app.log*")});
    if (saved_first) reader.harness().assign(partition, &position);
    for (const std::string& offered : std::exchange(reader.harness().host().offered, {})) {
      reader.harness().assign(offered);
    }
    if (!saved_first) reader.harness().assign(partition, &position);
    reader.settle();
    EXPECT_EQ(reader.all(), "2\n");
  }
}

TEST_F(FileFollowTest, RestoredFileThatWasTruncatedIsReadFromItsStart) {
  append(log_, "a long first line\n");
  FollowReader before({log_});
  before.settle();
  scratch_.write("app.log", "short\n");
  FollowReader reader({log_});
  reader.positions() = before.reached();
  reader.settle();
  EXPECT_EQ(reader.all(), "short\n");
  EXPECT_TRUE(reader.logged("was replaced or truncated"));
}

TEST_F(FileFollowTest, RestoredFileThatIsGoneIsSaidToBe) {
  append(log_, "1\n");
  FollowReader before({log_});
  before.settle();
  std::filesystem::remove(log_);
  FollowReader reader({log_});
  const auto [partition, position] = *before.reached().begin();
  reader.harness().assign(partition, &position);
  reader.settle();
  EXPECT_EQ(reader.ends(), 1U);
  EXPECT_TRUE(reader.logged("cannot be found; what followed byte 2 of it is not read"));
  EXPECT_EQ(reader.harness().metric("file_read_errors"), 1);
}

TEST_F(FileFollowTest, PositionOfAnotherKindIsRefused) {
  append(log_, "1\n");
  FollowReader reader({log_});
  const std::string position(16, '\0');
  EXPECT_THROW(reader.harness().assign(reader.harness().host().offered.at(0), &position),
               std::runtime_error);
}

TEST_F(FileFollowTest, TailPositionIsFortyEightBytesLeastSignificantFirst) {
  const TailPosition position{0x0102, {3, 4, 5}, 6, 7};
  const std::string bytes = position.encode();
  EXPECT_EQ(bytes.substr(0, 9), std::string("\x02\x01\0\0\0\0\0\0\x03", 9));
  const auto decoded = TailPosition::decode(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->encode(), bytes);
  EXPECT_FALSE(TailPosition::decode(std::string(48, '\xff')));
  EXPECT_FALSE(TailPosition::decode(bytes.substr(1)));
}

TEST_F(FileFollowTest, WhatCannotBeFollowedIsRefusedOrLeftAlone) {
  EXPECT_THROW(FollowReader({log_}, {{"compression", "gzip"}}), std::runtime_error);
  EXPECT_THROW(FollowReader({scratch_.path("")}), std::runtime_error);
  ASSERT_EQ(::mkfifo(scratch_.path("pipe.log").c_str(), 0600), 0);
  scratch_.write("a.log", "text");
  FollowReader reader({scratch_.path("*.log")});
  reader.settle();
  EXPECT_EQ(reader.all(), "text");
  EXPECT_TRUE(reader.logged("pipe.log' is no regular file"));
}

TEST_F(FileFollowTest, FileThatCannotBeReadLaterIsWarnedOfOnceAndReadOnceItCan) {
  FollowReader reader({log_});
  {
    const UnprivilegedUser user;
    reader.settle();
  }
  append(log_, "secret\n");
  ::chmod(log_.c_str(), 0);
  {
    const UnprivilegedUser user;
    reader.settle();
    EXPECT_EQ(reader.all(), "");
    EXPECT_TRUE(reader.logged("Permission denied"));
  }
  ::chmod(log_.c_str(), 0644);
  reader.pass(1.1);
  EXPECT_TRUE(reader.until([&] { return reader.all() == "secret\n"; }));
}

TEST_F(FileFollowTest, WakeEndsTheWait) {
  FollowReader reader({log_});
  reader.settle();
  flow_operator* const source = reader.harness().op();
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) {
    source->wake(source);
    reader.harness().poll();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
}

TEST_F(FileFollowTest, RevokedFileIsNotReadFurther) {
  append(log_, "1\n");
  FollowReader reader({log_});
  reader.settle();
  flow_operator* const source = reader.harness().op();
  source->revoke(source, reader.reached().begin()->first.c_str());
  append(log_, "2\n");
  reader.settle();
  EXPECT_EQ(reader.all(), "1\n");
}

}  // namespace
}  // namespace flow::operators::file_follow_test
