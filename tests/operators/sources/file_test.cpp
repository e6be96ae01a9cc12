#include "operators/sources/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/sources/file_paths.hpp"
#include "tests/operators/common/compressed_bytes.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flow::operators::sources_file_test {
namespace {

using flow::testing::Emission;
using flow::testing::gzip;
using flow::testing::Harness;
using flow::testing::noise;
using flow::testing::ScratchFolder;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::UnprivilegedUser;
using flow::testing::zstd;

using Paths = std::vector<std::string>;

std::string text_of(const Batch& batch) { return std::string(TextView(batch.column(0))[0]); }

class FileSourceTest : public ::testing::Test {
 protected:
  static Harness open(const Paths& paths, Settings more = {}) {
    more.emplace_back("path", Setting(paths));
    return Harness::of<FileSource>(more);
  }
  // All bytes of one file, after checking that the pieces follow each other.
  static std::string read(Harness& harness) {
    harness.run();
    std::string bytes;
    for (const Batch& batch : harness.pull_batches()) {
      EXPECT_EQ(batch.rows(), 1);
      EXPECT_EQ(Int64View(*batch.origin().position)[0], static_cast<int64_t>(bytes.size()));
      bytes += text_of(batch);
    }
    return bytes;
  }
  static std::string read(const std::string& path, Settings more = {}) {
    Harness harness = open({path}, std::move(more));
    return read(harness);
  }
  // What is read from `position` on.
  static std::string read_on(Harness& harness, const std::string& path,
                             const std::string& position) {
    harness.host().offered.clear();
    harness.assign(path, &position);
    harness.run();
    std::string bytes;
    for (const Batch& batch : harness.pull_batches()) bytes += text_of(batch);
    return bytes;
  }
  // The position behind the first piece.
  static std::string first_position(const std::string& path, const Settings& more) {
    Harness harness = open({path}, more);
    harness.assign(path);
    while (harness.host().emissions.empty()) harness.poll();
    return harness.host().emissions.front().position;
  }
  static std::string refusal(const Paths& paths, const Settings& more = {}) {
    try {
      open(paths, more);
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

  ScratchFolder scratch_;
};

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(FileSourceTest, BytesComeUnchanged) {
  using namespace std::string_literals;
  const std::string bytes = "one\r\n\0two\n\xff\xfe no last newline"s;
  EXPECT_EQ(read(scratch_.write("a.log", bytes)), bytes);
}

TEST_F(FileSourceTest, PiecesAreAtMostReadSize) {
  const std::string bytes = noise(10'000);
  Harness harness = open({scratch_.write("a.log", bytes)}, {{"read_size", 4096}});
  harness.run();
  std::vector<size_t> sizes;
  for (const Batch& batch : harness.pull_batches()) sizes.push_back(text_of(batch).size());
  EXPECT_EQ(sizes, (std::vector<size_t>{4096, 4096, 1808}));
}

TEST_F(FileSourceTest, OriginNamesTheFile) {
  const std::string path = scratch_.write("a.log", "text\n");
  Harness harness = open({path});
  harness.run();
  const Batch batch = harness.pull_batches().at(0);
  EXPECT_EQ(batch.origin().source, nullptr);
  EXPECT_STREQ(batch.origin().partition, path.c_str());
  EXPECT_EQ(batch.origin().record, nullptr);
}

TEST_F(FileSourceTest, EmptyFileEndsWithoutARow) {
  Harness harness = open({scratch_.write("empty.log", "")});
  EXPECT_EQ(read(harness), "");
  ASSERT_EQ(harness.host().emissions.size(), 1U);
  EXPECT_TRUE(harness.host().emissions[0].end);
}

TEST_F(FileSourceTest, EmptyCompressedFileIsNoError) {
  Harness harness = open({scratch_.write("empty.gz", "")});
  EXPECT_EQ(read(harness), "");
  EXPECT_EQ(harness.metric("file_read_errors"), 0);
}

TEST_F(FileSourceTest, FilesComeInListOrderAndByNameWithinAPattern) {
  for (const char* name : {"b.log", "c.log", "a.log", "first.txt", ".hidden.log"}) {
    scratch_.write(std::string("in/") + name, name);
  }
  scratch_.write("in/folder.log/inner", "not read");
  Harness harness =
      open({scratch_.path("in/first.txt"), scratch_.path("in/*.log"), scratch_.path("in/a.log")});
  EXPECT_EQ(harness.host().offered.size(), 4U);
  harness.run();
  std::vector<std::string> texts;
  for (const Batch& batch : harness.pull_batches()) texts.push_back(text_of(batch));
  EXPECT_EQ(texts, (Paths{"first.txt", "a.log", "b.log", "c.log"}));
  EXPECT_TRUE(logged(harness, "is a directory: skipped"));
}

TEST_F(FileSourceTest, ExistingPathWithPatternCharactersIsTakenLiterally) {
  scratch_.write("data1.log", "the pattern's");
  EXPECT_EQ(read(scratch_.write("data[1].log", "the path's")), "the path's");
}

TEST_F(FileSourceTest, EveryFileEndsItsPartition) {
  const Paths paths{scratch_.write("a", "1"), scratch_.write("b", "22")};
  Harness harness = open(paths);
  harness.run();
  Paths ended;
  for (const Emission& emission : harness.host().emissions) {
    if (emission.end) ended.push_back(emission.partition);
  }
  EXPECT_EQ(ended, paths);
}

TEST_F(FileSourceTest, CompressedFilesAreReadByTheirExtension) {
  const std::string text = noise(100'000) + std::string(900'000, 'x');
  EXPECT_TRUE(read(scratch_.write("a.gz", gzip(text))) == text);
  EXPECT_TRUE(read(scratch_.write("a.zst", zstd(text))) == text);
  EXPECT_EQ(read(scratch_.write("b.gz", gzip("one\n") + gzip("two\n"))), "one\ntwo\n");
  EXPECT_EQ(read(scratch_.write("b.zst", zstd("one\n") + zstd("two\n"))), "one\ntwo\n");
}

TEST_F(FileSourceTest, CompressionCanBeSaid) {
  EXPECT_EQ(read(scratch_.write("a", gzip("text")), {{"compression", "gzip"}}), "text");
  EXPECT_EQ(read(scratch_.write("b", zstd("text")), {{"compression", "zstd"}}), "text");
  EXPECT_EQ(read(scratch_.write("c.gz", "plain"), {{"compression", "none"}}), "plain");
}

TEST_F(FileSourceTest, TruncatedArchiveIsReadAsFarAsItGoesAndCounted) {
  const std::string text = noise(300'000);
  for (const auto& [name, encoded] : std::vector<std::pair<std::string, std::string>>{
           {"a.gz", gzip(text)}, {"a.zst", zstd(text)}}) {
    const std::string path = scratch_.write(name, encoded.substr(0, encoded.size() - 10'000));
    const std::string next = scratch_.write("next.log", "next");
    Harness harness = open({path, next});
    harness.run();
    std::string bytes;
    for (const Batch& batch : harness.pull_batches()) bytes += text_of(batch);
    ASSERT_GT(bytes.size(), 150'000U) << name;
    EXPECT_EQ(bytes.substr(bytes.size() - 4), "next");
    bytes.resize(bytes.size() - 4);
    EXPECT_TRUE(bytes == text.substr(0, bytes.size())) << name;
    EXPECT_EQ(harness.metric("file_read_errors"), 1);
    EXPECT_TRUE(logged(harness, "'" + path + "' ends in the middle of a"));
    EXPECT_EQ(harness.metric("source_bytes_read"), harness.metric("source_bytes_total"));
  }
}

TEST_F(FileSourceTest, GarbageInsteadOfAnArchiveIsCounted) {
  Harness harness = open({scratch_.write("a.gz", "plain text")});
  EXPECT_EQ(read(harness), "");
  EXPECT_EQ(harness.metric("file_read_errors"), 1);
  EXPECT_TRUE(logged(harness, "not in gzip format; if it is not compressed, set compression"));
}

TEST_F(FileSourceTest, FileThatVanishesBeforeItsTurnIsCountedAndTheRestIsRead) {
  const std::string gone = scratch_.write("gone", "1");
  Harness harness = open({gone, scratch_.write("kept", "2")});
  std::filesystem::remove(gone);
  harness.run();
  EXPECT_EQ(text_of(harness.pull_batches().at(0)), "2");
  EXPECT_EQ(harness.metric("file_read_errors"), 1);
  EXPECT_TRUE(logged(harness, "No such file or directory"));
}

TEST_F(FileSourceTest, LineOf64MiBStreamsThroughInLittleMemory) {
  const int64_t size = int64_t{64} << 20;
  const std::string path = scratch_.write("zeros", "");
  std::filesystem::resize_file(path, static_cast<uintmax_t>(size));
  Harness harness = open({path});
  harness.assign(path);
  harness.host().offered.clear();
  int64_t bytes = 0;
  while (harness.poll() != FLOW_END) {
    for (const Batch& batch : harness.pull_batches()) {
      bytes += static_cast<int64_t>(TextView(batch.column(0))[0].size());
    }
  }
  EXPECT_EQ(bytes, size);
  EXPECT_LT(harness.host().account.peak(), 1 << 20);
}

TEST_F(FileSourceTest, SmallFileOccupiesASmallBuffer) {
  Harness harness = open({scratch_.write("a", "text"), scratch_.write("b.gz", gzip("text"))});
  harness.run();
  const std::vector<Batch> batches = harness.pull_batches();
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_LT(harness.host().account.used(), 16'384);
}

TEST_F(FileSourceTest, RoomForOnePieceIsKept) {
  Harness harness = open({scratch_.write("a", noise(50'000))}, {{"read_size", 4096}});
  harness.host().limit_room(1);
  EXPECT_EQ(read(harness).size(), 50'000U);
  EXPECT_EQ(harness.host().room_violations, 0);
}

TEST_F(FileSourceTest, ProgressIsOfTheBytesAsStored) {
  const std::string text(1'000'000, 'x');
  const std::string encoded = gzip(text);
  Harness harness = open({scratch_.write("a.gz", encoded), scratch_.write("b", "12345")});
  const auto total = static_cast<double>(encoded.size() + 5);
  EXPECT_EQ(harness.metric("source_bytes_total"), total);
  EXPECT_EQ(harness.metric("source_bytes_read"), 0);
  harness.run();
  EXPECT_EQ(harness.metric("source_bytes_read"), total);
}

TEST_F(FileSourceTest, MissingPathsAreRefusedTogether) {
  const std::string message =
      refusal({scratch_.path("no.log"), scratch_.path("no*.log"), scratch_.write("a", "")});
  EXPECT_HAS(message, "'" + scratch_.path("no.log") + "' does not exist");
  EXPECT_HAS(message, "no file matches '" + scratch_.path("no*.log") + "'");
  EXPECT_HAS(message, "allow_missing = true");
}

TEST_F(FileSourceTest, MissingPathsCanBeAllowed) {
  Harness harness =
      open({scratch_.path("no*.log"), scratch_.path("no.log")}, {{"allow_missing", true}});
  EXPECT_TRUE(harness.host().offered.empty());
  EXPECT_EQ(harness.poll(), FLOW_END);
  EXPECT_TRUE(logged(harness, "no file matches"));
}

TEST_F(FileSourceTest, DirectoryIsRefusedWithARemedy) {
  scratch_.write("folder/a.log", "");
  EXPECT_HAS(refusal({scratch_.path("folder")}),
             "is a directory; name its files, eg: '" + scratch_.path("folder/*.log") + "'");
}

TEST_F(FileSourceTest, UnreadableFileIsRefused) {
  const std::string path = scratch_.write("secret", "text");
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  const UnprivilegedUser user;
  EXPECT_HAS(refusal({path}), "cannot read '" + path + "': Permission denied");
}

TEST_F(FileSourceTest, EmptyListIsRefused) { EXPECT_HAS(refusal({}), "`path` is empty"); }

TEST_F(FileSourceTest, PositionGoesOnBehindThePiece) {
  const std::string text = noise(10'000);
  for (const auto& [name, encoded] : std::vector<std::pair<std::string, std::string>>{
           {"a", text}, {"a.gz", gzip(text)}, {"a.zst", zstd(text)}}) {
    const std::string path = scratch_.write(name, encoded);
    const std::string position = first_position(path, {{"read_size", 4096}});
    EXPECT_EQ(FilePosition::decode(position)->offset, 4096);
    Harness harness = open({path});
    EXPECT_TRUE(read_on(harness, path, position) == text.substr(4096)) << name;
    EXPECT_TRUE(logged(harness, "going on at byte 4096"));
  }
}

TEST_F(FileSourceTest, FinalPositionReadsOnlyWhatWasAppended) {
  const std::string path = scratch_.write("a", "old\n");
  Harness harness = open({path});
  harness.run();
  const std::string position = harness.host().emissions.back().position;
  scratch_.write("a", "old\nnew\n");
  Harness again = open({path});
  EXPECT_EQ(read_on(again, path, position), "new\n");
}

TEST_F(FileSourceTest, MovedFileWithTheSameContentGoesOn) {
  const std::string text = noise(10'000);
  const std::string path = scratch_.write("a", text);
  const std::string position = first_position(path, {{"read_size", 4096}});
  std::filesystem::remove(path);
  scratch_.write("other", "takes the inode");
  scratch_.write("a", text);
  Harness harness = open({path});
  EXPECT_TRUE(read_on(harness, path, position) == text.substr(4096));
}

TEST_F(FileSourceTest, ReplacedOrTruncatedFileIsReadFromItsStart) {
  const std::string text = noise(10'000);
  const std::string other = "something else\n" + noise(9'000);
  const auto same = [](std::string_view t) { return std::string(t); };
  for (const auto& [name, encode] :
       std::vector<std::pair<std::string, std::function<std::string(std::string_view)>>>{
           {"a", same}, {"a.gz", gzip}, {"a.zst", zstd}}) {
    const std::string path = scratch_.write(name, encode(text));
    const std::string position = first_position(path, {{"read_size", 8192}});
    scratch_.write(name, encode(other));
    Harness replaced = open({path});
    EXPECT_TRUE(read_on(replaced, path, position) == other) << name;
    EXPECT_TRUE(logged(replaced, "its content is another one"));
    scratch_.write(name, encode("short"));
    Harness truncated = open({path});
    EXPECT_EQ(read_on(truncated, path, position), "short") << name;
    EXPECT_TRUE(logged(truncated, "was replaced or truncated"));
  }
}

TEST_F(FileSourceTest, ForeignPositionIsRefused) {
  const std::string path = scratch_.write("a", "text");
  Harness harness = open({path});
  const std::string position = "0";
  EXPECT_THROW(harness.assign(path, &position), std::runtime_error);
}

TEST_F(FileSourceTest, PositionIsSixteenBytesLeastSignificantFirst) {
  const FilePosition position{0x0102, 0xff};
  EXPECT_EQ(position.encode(), std::string("\x02\x01\0\0\0\0\0\0\xff\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(FilePosition::decode(position.encode())->fingerprint, 0xffU);
  const FilePosition last{0x0102, 0xff, true};
  EXPECT_EQ(FilePosition::decode(last.encode())->offset, 0x0102);
  EXPECT_TRUE(FilePosition::decode(last.encode())->at_end);
  EXPECT_FALSE(FilePosition::decode(position.encode())->at_end);
  EXPECT_FALSE(FilePosition::decode(std::string(15, '\0')));
}

TEST_F(FileSourceTest, RevokedFileIsNotReadFurther) {
  const Paths paths{scratch_.write("a", noise(10'000)), scratch_.write("b", "b")};
  Harness harness = open(paths, {{"read_size", 4096}});
  for (const std::string& path : paths) harness.assign(path);
  harness.poll();
  flow_operator* op = harness.op();
  EXPECT_EQ(op->revoke(op, paths[0].c_str()), FLOW_DONE);
  harness.host().offered.clear();
  harness.run();
  EXPECT_EQ(harness.pull_batches().size(), 2U);
}

TEST_F(FileSourceTest, AssignedInAnyOrderFilesAreReadInTheirs) {
  const Paths paths{scratch_.write("z", "1"), scratch_.write("y", "2"), scratch_.write("x", "3")};
  Harness harness = open(paths);
  EXPECT_EQ(harness.poll(), FLOW_IDLE);
  harness.host().offered.clear();
  for (const size_t i : {2, 0, 1}) harness.assign(paths[i]);
  harness.run();
  std::string texts;
  for (const Batch& batch : harness.pull_batches()) texts += text_of(batch);
  EXPECT_EQ(texts, "123");
}

TEST_F(FileSourceTest, PipeIsReadUntilItsWriterCloses) {
  const std::string path = scratch_.path("pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const std::string text = noise(300'000);
  Harness harness = open({path});
  harness.assign(path);
  EXPECT_EQ(harness.poll(), FLOW_IDLE);
  harness.host().offered.clear();
  std::thread writer([&] {
    const int fd = ::open(path.c_str(), O_WRONLY);
    for (size_t at = 0; at < text.size();) {
      const ssize_t n = ::write(fd, text.data() + at, text.size() - at);
      if (n > 0) at += static_cast<size_t>(n);
    }
    ::close(fd);
  });
  EXPECT_TRUE(read(harness) == text);
  writer.join();
}

TEST_F(FileSourceTest, OutOfDescriptorsTheFileIsTriedAgain) {
  const std::string path = scratch_.write("a", "text");
  Harness harness = open({path});
  harness.assign(path);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_NOFILE, &none);
  const flow_status status = harness.op()->poll(harness.op());
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(status, FLOW_RETRY);
  EXPECT_HAS(harness.host().error, "cannot read '" + path + "': Too many open files");
  harness.host().offered.clear();
  EXPECT_EQ(read(harness), "text");
}

TEST_F(FileSourceTest, ManyFilesAreReadOneAtATime) {
  Paths paths;
  for (int i = 0; i < 2000; ++i) {
    paths.push_back(scratch_.write("many/" + std::to_string(i), std::to_string(i) + "\n"));
  }
  Harness harness = open({scratch_.path("many/*")});
  harness.run();
  EXPECT_EQ(harness.pull_batches().size(), paths.size());
}

}  // namespace
}  // namespace flow::operators::sources_file_test
