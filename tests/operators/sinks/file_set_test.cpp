// The sink `file` where it writes many files, or rolls or compresses them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/operators/common/full_disk.hpp"
#include "tests/operators/sinks/file_set_fixture.hpp"

namespace flow::operators::file_set_test {
namespace {

using flow::testing::FullDisk;
using flow::testing::UnprivilegedUser;

// ---- paths ----

TEST_F(FileSetTest, RowsGoToTheFileOfTheirValue) {
  Harness harness = open("out/{f}.txt");
  harness.push(rows({"1\n", "2\n", "3\n", "4\n"}, {"a", "b", "a", "../c"}));
  EXPECT_EQ(files(),
            (Files{{"out/a.txt", "1\n3\n"}, {"out/b.txt", "2\n"}, {"out/..%2Fc.txt", "4\n"}}));
  harness.push(rows({"5\n"}, {"b"}));
  EXPECT_EQ(scratch_.read("out/b.txt"), "2\n5\n");
  harness.close();
  EXPECT_EQ(scratch_.read("out/b.txt"), "2\n5\n");
}

TEST_F(FileSetTest, FoldersOfValuesAreMade) {
  Harness harness = open("out/{f}/x/rows.txt");
  harness.push(rows({"1\n"}, {"a/b"}));
  EXPECT_EQ(files(), (Files{{"out/a%2Fb/x/rows.txt", "1\n"}}));
}

TEST_F(FileSetTest, FilesThatAreThereAreAddedTo) {
  scratch_.write("out/a.txt", "old\n");
  Harness harness = open("out/{f}.txt");
  harness.push(rows({"new\n"}, {"a"}));
  EXPECT_EQ(scratch_.read("out/a.txt"), "old\nnew\n");
}

TEST_F(FileSetTest, RowsWithoutAPathFailWithTheirReason) {
  scratch_.write("out/folder/x", "");
  Harness harness = open("out/{f}");
  harness.push(rows({"1\n", "2\n", "3\n", "4\n", "5\n"},
                    {nullptr, "", std::string(300, 'x'), "folder", "good"}));
  ASSERT_EQ(harness.failed().size(), 4u);
  EXPECT_EQ(harness.failed()[0].reason, "no_path");
  EXPECT_EQ(harness.failed()[0].message, "the field 'f' has no value to make a path of");
  EXPECT_EQ(harness.failed()[1].reason, "no_path");
  EXPECT_EQ(harness.failed()[2].reason, "path_too_long");
  EXPECT_EQ(harness.failed()[3].row, 3);
  EXPECT_EQ(harness.failed()[3].reason, "cannot_open");
  EXPECT_EQ(scratch_.read("out/good"), "5\n");
}

TEST_F(FileSetTest, FileOfSomebodyElseFailsItsRowsAlone) {
  scratch_.write("out/theirs", "theirs");
  ::chmod(scratch_.path("out").c_str(), 0777);
  ASSERT_EQ(::chmod(scratch_.path("out/theirs").c_str(), 0444), 0);
  const UnprivilegedUser user;
  Harness harness = open("out/{f}");
  harness.push(rows({"1\n", "2\n"}, {"theirs", "mine"}));
  ASSERT_EQ(harness.failed().size(), 1u);
  EXPECT_EQ(harness.failed()[0].reason, "cannot_open");
  EXPECT_HAS(harness.failed()[0].message, "Permission denied");
  EXPECT_EQ(scratch_.read("out/mine"), "2\n");
  EXPECT_EQ(scratch_.read("out/theirs"), "theirs");
}

TEST_F(FileSetTest, AFewOpenFilesServeManyPaths) {
  for (const bool staged : {false, true}) {
    Settings settings = {{"max_open_files", 3}};
    if (staged) settings.push_back({"mode", "replace"});
    Harness harness = open("out/{f}", settings);
    std::vector<Cell> bytes, fields;
    Files expected;
    for (int row = 0; row < 2000; ++row) {
      const std::string line = "row " + std::to_string(row) + "\n";
      const std::string name = std::to_string(row * 7919 % 100);
      bytes.emplace_back(line);
      fields.emplace_back(name);
      expected["out/" + name].append(line);
    }
    harness.push(rows(bytes, fields));
    const auto open_files = std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                          std::filesystem::directory_iterator());
    EXPECT_LT(open_files, 40);
    harness.close();
    EXPECT_TRUE(files() == expected);
    std::filesystem::remove_all(scratch_.path("out"));
  }
}

TEST_F(FileSetTest, UpToTheSystemsOwnLimitOfOpenFiles) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  Harness harness = open("out/{f}");
  rlimit few = before;
  few.rlim_cur = 32;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<Cell> bytes, fields;
  for (int row = 0; row < 100; ++row) {
    bytes.emplace_back("x");
    fields.emplace_back(std::to_string(row));
  }
  harness.push(rows(bytes, fields));
  harness.close();
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(files().size(), 100u);
  EXPECT_TRUE(harness.failed().empty());
}

TEST_F(FileSetTest, ReplaceReplacesEachFileAtTheEnd) {
  scratch_.write("out/a", "old a\n");
  scratch_.write("out/b", "old b\n");
  Harness harness = open("out/{f}", {{"mode", "replace"}});
  harness.push(rows({"new\n"}, {"a"}));
  EXPECT_EQ(scratch_.read("out/a"), "old a\n");
  EXPECT_TRUE(scratch_.has("out/a.part"));
  harness.close();
  EXPECT_EQ(files(), (Files{{"out/a", "new\n"}, {"out/b", "old b\n"}}));
}

TEST_F(FileSetTest, SecondSinkOnTheSameFileIsRefused) {
  Harness first = open("out/{f}");
  first.push(rows({"1\n"}, {"a"}));
  Harness second = open("out/{f}");
  EXPECT_EQ(second.try_push(second.batch(rows({"2\n"}, {"a"}))), FLOW_FAILED);
  EXPECT_HAS(second.host().error, "is being written to by another sink or run");
}

TEST_F(FileSetTest, FolderThatCannotBeMadeIsRefused) {
  scratch_.write("file", "");
  EXPECT_HAS(refusal("file/{f}", {}), "cannot make the folder");
}

// ---- rolling ----

TEST_F(FileSetTest, FilesRollBySizeAndTakeTheirNamesWhenTheyAreWhole) {
  Harness harness = open("out.ndjson", rolled("8B"));
  harness.push(rows({"1111\n"}));
  EXPECT_EQ(files(), (Files{{"out-0001.ndjson.part", ""}}));
  harness.push(rows({"2222\n", "3333\n"}));
  EXPECT_EQ(scratch_.read("out-0001.ndjson"), "1111\n2222\n");
  harness.close();
  EXPECT_EQ(files(), (Files{{"out-0001.ndjson", "1111\n2222\n"}, {"out-0002.ndjson", "3333\n"}}));
}

TEST_F(FileSetTest, RollingDoesNotDependOnBatches) {
  std::vector<Cell> all;
  all.reserve(500);
  for (int row = 0; row < 500; ++row)
    all.emplace_back(std::string(static_cast<size_t>(row % 37), 'x') + "\n");
  Files expected;
  for (const size_t size : {size_t{500}, size_t{1}, size_t{33}}) {
    std::filesystem::remove_all(scratch_.path("out"));
    Harness harness = open("out/x.txt", rolled("1000B"));
    for (size_t first = 0; first < all.size(); first += size) {
      const size_t last = std::min(all.size(), first + size);
      harness.push(rows(
          {all.begin() + static_cast<int64_t>(first), all.begin() + static_cast<int64_t>(last)}));
    }
    harness.close();
    if (expected.empty()) expected = files();
    EXPECT_GT(expected.size(), 5u);
    EXPECT_TRUE(files() == expected) << size;
  }
}

TEST_F(FileSetTest, FilesRollByAge) {
  Harness harness = open("out/{f}.txt", {{"roll", Setting::table({{"every", "1h"}})}});
  harness.push(rows({"1\n"}, {"a"}));
  harness.set_clock(harness.host().clock + 3'599'000'000'000);
  harness.push(rows({"2\n"}, {"a"}));
  harness.set_clock(harness.host().clock + 2'000'000'000);
  harness.push(rows({"3\n"}, {"b"}));
  EXPECT_EQ(scratch_.read("out/a-0001.txt"), "1\n2\n");
  harness.push(rows({"4\n"}, {"a"}));
  harness.close();
  EXPECT_EQ(
      files(),
      (Files{{"out/a-0001.txt", "1\n2\n"}, {"out/a-0002.txt", "4\n"}, {"out/b-0001.txt", "3\n"}}));
}

TEST_F(FileSetTest, NumbersGoOnBehindTheHighest) {
  scratch_.write("out-0007.tar.gz", "");
  scratch_.write("out.tar-0041.gz.part", "left behind");
  scratch_.write("out-12.tar.gz", "");
  scratch_.write("out-9999.txt", "");
  Settings settings = rolled("1B");
  settings.push_back({"compression", "none"});
  Harness harness = open("out.tar.gz", settings);
  harness.push(rows({"a", "b"}));
  harness.close();
  EXPECT_EQ(scratch_.read("out-0008.tar.gz"), "a");
  EXPECT_EQ(scratch_.read("out-0009.tar.gz"), "b");
  EXPECT_EQ(scratch_.read("out.tar-0041.gz.part"), "left behind");
}

TEST_F(FileSetTest, PartsThatAnotherRunLeftKeepTheirNumber) {
  scratch_.write("out-0003.txt.part", "left behind");
  Harness harness = open("out.txt", rolled("1B"));
  harness.push(rows({"a"}));
  harness.close();
  EXPECT_EQ(files(), (Files{{"out-0003.txt.part", "left behind"}, {"out-0004.txt", "a"}}));
}

TEST_F(FileSetTest, OptionsThatDoNotGoTogetherAreRefused) {
  Settings both = rolled("1MiB");
  both.push_back({"mode", "replace"});
  EXPECT_HAS(refusal("out", both), "leave out `mode`");
  EXPECT_HAS(refusal("out", {{"roll", Setting::table({{"sise", "1MiB"}})}}),
             "roll.sise: no such key");
  EXPECT_HAS(refusal("out", rolled("1")), "roll.size: '1' is no size");
  EXPECT_HAS(refusal("out.gz", {{"level", 12}}), "gzip has the levels 1 to 9");
  EXPECT_HAS(refusal("", rolled("1MiB")), "is a directory");
  ASSERT_EQ(::mkfifo(scratch_.path("pipe").c_str(), 0600), 0);
  EXPECT_HAS(refusal("pipe", rolled("1MiB")), "is no ordinary file");
}

// ---- compression ----

TEST_F(FileSetTest, ExtensionsSayHowFilesAreCompressed) {
  std::vector<Cell> bytes;
  std::string expected;
  for (int row = 0; row < 100'000; ++row) {
    bytes.emplace_back("{\"row\": " + std::to_string(row) + ", \"text\": \"as always\"}\n");
    expected.append("{\"row\": " + std::to_string(row) + ", \"text\": \"as always\"}\n");
  }
  for (const auto& [name, compression] :
       {std::pair{"x.gz", Compression::kGzip}, std::pair{"x.zst", Compression::kZstd}}) {
    Harness harness = open(name);
    harness.push(rows(bytes));
    EXPECT_FALSE(scratch_.has(name));
    harness.close();
    const std::string file = scratch_.read(name);
    EXPECT_LT(file.size(), expected.size() / 4);
    EXPECT_TRUE(decompressed(file, compression) == expected) << name;
  }
}

TEST_F(FileSetTest, CompressionCanBeSaid) {
  for (const char* level : {"1", "9"}) {
    Harness harness = open(level, {{"compression", "zstd"}, {"level", std::stoi(level)}});
    harness.push(rows({"text"}));
    harness.close();
    EXPECT_EQ(decompressed(scratch_.read(level), Compression::kZstd), "text");
  }
}

TEST_F(FileSetTest, FinishedCompressedFilesAreNotAddedTo) {
  for (const char* text : {"one", "two", "three"}) {
    Harness harness = open("x.ndjson.gz");
    harness.push(rows({text}));
    harness.close();
  }
  EXPECT_EQ(files().size(), 3u);
  EXPECT_EQ(decompressed(scratch_.read("x.ndjson.gz"), Compression::kGzip), "one");
  EXPECT_EQ(decompressed(scratch_.read("x-0001.ndjson.gz"), Compression::kGzip), "two");
  EXPECT_EQ(decompressed(scratch_.read("x-0002.ndjson.gz"), Compression::kGzip), "three");
}

TEST_F(FileSetTest, ReplacingWithoutARowLeavesAnEmptyStream) {
  Harness harness = open("x.gz", {{"mode", "replace"}});
  harness.close();
  EXPECT_TRUE(scratch_.has("x.gz"));
  EXPECT_NE(scratch_.read("x.gz"), "");
  EXPECT_EQ(decompressed(scratch_.read("x.gz"), Compression::kGzip), "");
}

// ---- trouble ----

TEST_F(FileSetTest, FullDiskIsTriedAgainAndNothingIsWrittenTwice) {
  for (const char* name : {"out/{f}.txt", "out/{f}.gz"}) {
    std::filesystem::remove_all(scratch_.path("out"));
    Settings settings = rolled("200kB");
    Harness harness = open(name, settings);
    Files expected;
    uint64_t state = 7;
    for (int step = 0; step < 20; ++step) {
      std::vector<Cell> bytes, fields;
      for (int row = 0; row < 300; ++row) {
        std::string line;
        for (int i = 0; i < 100; ++i) {
          state = state * 6364136223846793005U + 1442695040888963407U;
          line += static_cast<char>('!' + (state >> 58));
        }
        line += '\n';
        bytes.emplace_back(line);
        fields.emplace_back(row % 3 == 0 ? "a" : "b");
        expected[row % 3 == 0 ? "a" : "b"].append(line);
      }
      const Batch batch = harness.batch(rows(bytes, fields));
      flow_status status = FLOW_RETRY;
      for (rlim_t most = 30'000; status == FLOW_RETRY; most += 30'001) {
        const FullDisk full(most);
        status = harness.try_push(batch);
        ASSERT_LT(most, 1'000'000u);
      }
      ASSERT_EQ(status, FLOW_DONE) << harness.host().error;
    }
    harness.close();
    Files found;
    for (const auto& [path, bytes] : files()) {
      found[path.substr(4, 1)].append(
          path.find(".gz") != std::string::npos ? decompressed(bytes, Compression::kGzip) : bytes);
    }
    EXPECT_TRUE(found == expected) << name;
    EXPECT_TRUE(harness.failed().empty());
  }
}

TEST_F(FileSetTest, UnfinishedRunLeavesPartsAndSaysSo) {
  Harness harness = open("out/{f}.gz");
  harness.push(rows({"1\n", "2\n"}, {"a", "b"}));
  harness.close(false);
  EXPECT_TRUE(logged(harness, "2 unfinished files, eg '"));
  EXPECT_EQ(decompressed(scratch_.read("out/a.gz.part"), Compression::kGzip), "1\n");
}

TEST_F(FileSetTest, RowsThatAreNotEncodedOrLackTheirFieldsAreRefused) {
  Harness harness = open("out/{f}");
  EXPECT_EQ(harness.try_push(harness.batch({{"n", {1}}})), FLOW_FAILED);
  EXPECT_HAS(harness.host().error, "name a codec, eg: encoding = \"json\"");
  EXPECT_EQ(harness.try_push(harness.batch(rows({"x"}))), FLOW_FAILED);
  EXPECT_HAS(harness.host().error, "with the fields of its path beside them");
}

TEST_F(FileSetTest, FileTakenAwayWhileItIsWrittenEndsTheRun) {
  Harness harness = open("out/{f}.gz", {{"max_open_files", 1}});
  harness.push(rows({"1\n"}, {"a"}));
  prepare(harness);
  harness.push(rows({"1\n"}, {"b"}));
  std::filesystem::remove(scratch_.path("out/a.gz.part"));
  harness.push(rows({"2\n"}, {"a"}));
  EXPECT_THROW(harness.close(), std::runtime_error);
  EXPECT_HAS(harness.host().error, "was removed by something else");
}

}  // namespace
}  // namespace flow::operators::file_set_test
