// The sink `file` with many files: what a run that goes on from a checkpoint makes of them.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/operators/sinks/file_set_fixture.hpp"

namespace flow::operators::file_set_checkpoints_test {
namespace {

TEST_F(FileSetTest, RolledFilesWaitForTheCommit) {
  Harness harness = open("out.txt", rolled("1B"));
  harness.host().checkpoints = true;
  harness.push(rows({"a", "b"}));
  EXPECT_EQ(files(), (Files{{"out-0001.txt.part", "a"}, {"out-0002.txt.part", "b"}}));
  const std::string first = prepare(harness);
  harness.push(rows({"c"}));
  commit(harness, first);
  const Files committed = {
      {"out-0001.txt", "a"}, {"out-0002.txt", "b"}, {"out-0003.txt.part", "c"}};
  EXPECT_EQ(files(), committed);
  commit(harness, first);
  EXPECT_EQ(files(), committed);
  harness.close();
  EXPECT_EQ(scratch_.read("out-0003.txt"), "c");
}

TEST_F(FileSetTest, AbandonedCheckpointsAreCommittedWithTheNext) {
  Harness harness = open("out.txt", rolled("1B"));
  harness.host().checkpoints = true;
  harness.push(rows({"a"}));
  prepare(harness);
  harness.push(rows({"b"}));
  commit(harness, prepare(harness));
  EXPECT_EQ(files(), (Files{{"out-0001.txt", "a"}, {"out-0002.txt", "b"}}));
}

TEST_F(FileSetTest, CheckpointsCanFinishFiles) {
  Harness harness = open("out/{f}", {{"roll", Setting::table({{"checkpoint", true}})}});
  harness.host().checkpoints = true;
  harness.push(rows({"1\n", "2\n"}, {"a", "b"}));
  const std::string handle = prepare(harness);
  EXPECT_EQ(files(), (Files{{"out/a-0001.part", "1\n"}, {"out/b-0001.part", "2\n"}}));
  commit(harness, handle);
  harness.push(rows({"3\n"}, {"a"}));
  harness.close();
  EXPECT_EQ(files(), (Files{{"out/a-0001", "1\n"}, {"out/a-0002", "3\n"}, {"out/b-0001", "2\n"}}));
}

// A run that is killed behind a checkpoint, and another one that begins where it was: the same
// files as without.
TEST_F(FileSetTest, RestartsLoseAndRepeatNothing) {
  struct Case {
    const char* name;
    const char* path;
    Settings settings;
  };
  const std::vector<Case> cases = {
      {"rolled", "out/{f}.txt", rolled("40B")},
      {"rolled and compressed", "out/{f}.zst", rolled("40B")},
      {"compressed", "out/{f}.gz", {}},
      {"replaced", "out/{f}.txt", {{"mode", "replace"}}},
      {"few open files", "out/{f}.gz", {{"mode", "replace"}, {"max_open_files", 1}}},
      {"by checkpoint", "out/{f}.txt", {{"roll", Setting::table({{"checkpoint", true}})}}}};
  const auto batch = [](int number) {
    std::vector<Cell> bytes, fields;
    for (int row = 0; row < 7; ++row) {
      bytes.emplace_back("row " + std::to_string(number * 10 + row) + "\n");
      fields.emplace_back(std::to_string((row * number) % 5));
    }
    return rows(bytes, fields);
  };
  constexpr int kBatches = 10;
  for (const Case& item : cases) {
    const auto run = [&](int from, const std::string& handle, int checkpoint, int killed) {
      Harness harness = open(item.path, item.settings);
      harness.host().checkpoints = true;
      if (!handle.empty()) commit(harness, handle);
      std::string made;
      for (int number = from; number < kBatches; ++number) {
        if (number == killed) return made;
        harness.push(batch(number));
        if (number == checkpoint) {
          made = prepare(harness);
          if (number % 2 == 0) commit(harness, made);
        }
      }
      harness.close();
      return made;
    };
    for (const int checkpoint : {0, 3}) {
      std::filesystem::remove_all(scratch_.path("out"));
      run(0, "", checkpoint, -1);
      const Files expected = files();
      EXPECT_GE(expected.size(), 5u);
      for (const int killed : {checkpoint + 1, 8}) {
        std::filesystem::remove_all(scratch_.path("out"));
        const std::string handle = run(0, "", checkpoint, killed);
        run(checkpoint + 1, handle, -1, -1);
        EXPECT_TRUE(files() == expected)
            << item.name << ", checkpoint " << checkpoint << ", killed at " << killed;
      }
    }
  }
}

TEST_F(FileSetTest, RestartBehindTheEndOfARunTakesNamesBack) {
  const Settings settings = {{"mode", "replace"}};
  std::string handle;
  {
    Harness harness = open("out/{f}.gz", settings);
    harness.host().checkpoints = true;
    harness.push(rows({"1\n"}, {"a"}));
    handle = prepare(harness);
    harness.push(rows({"2\n"}, {"a"}));
    harness.close();
  }
  Harness harness = open("out/{f}.gz", settings);
  harness.host().checkpoints = true;
  commit(harness, handle);
  harness.push(rows({"2\n"}, {"a"}));
  harness.close();
  EXPECT_EQ(files().size(), 1u);
  EXPECT_EQ(decompressed(scratch_.read("out/a.gz"), Compression::kGzip), "1\n2\n");
}

TEST_F(FileSetTest, InPlaceRestartsCutOffWhatTheCheckpointKnows) {
  std::string handle;
  scratch_.write("out/old", "old\n");
  {
    Harness harness = open("out/{f}", {{"max_open_files", 1}});
    harness.push(rows({"1\n", "2\n", "3\n"}, {"old", "new", "closed"}));
    handle = prepare(harness);
    harness.push(rows({"4\n", "5\n"}, {"old", "new"}));
  }
  EXPECT_EQ(scratch_.read("out/old"), "old\n1\n4\n");
  Harness harness = open("out/{f}");
  commit(harness, handle);
  EXPECT_EQ(files(), (Files{{"out/old", "old\n1\n"}, {"out/new", "2\n"}, {"out/closed", "3\n"}}));
  harness.push(rows({"4\n"}, {"old"}));
  EXPECT_EQ(scratch_.read("out/old"), "old\n1\n4\n");
}

TEST_F(FileSetTest, HandlesOfSomethingElseAreRefused) {
  Harness harness = open("out/{f}");
  flow_operator* op = harness.op();
  for (const std::string wrong : {"1 4 x", "3 ", "3 1 0 ", "3 1 0 99:x", "3 0 0 x", "3 -1 0 ",
                                  "3 0 1 3:abc99999999999999999999:x", "2 0 0 "}) {
    EXPECT_EQ(op->commit(op, wrong.data(), static_cast<int64_t>(wrong.size())), FLOW_FAILED)
        << wrong;
    EXPECT_HAS(harness.host().error, "was written by something else");
  }
}

TEST_F(FileSetTest, FileShorterThanAtTheCheckpointIsRefused) {
  std::string handle;
  {
    Harness harness = open("out/{f}");
    harness.push(rows({"12345\n"}, {"a"}));
    handle = prepare(harness);
  }
  std::filesystem::resize_file(scratch_.path("out/a"), 2);
  Harness harness = open("out/{f}");
  flow_operator* op = harness.op();
  EXPECT_EQ(op->commit(op, handle.data(), static_cast<int64_t>(handle.size())), FLOW_FAILED);
  EXPECT_HAS(harness.host().error, "has 2 bytes, and had 6 bytes at the checkpoint");
}

}  // namespace
}  // namespace flow::operators::file_set_checkpoints_test
