// What files begin with: the sink `file` and FLOW_PROLOGUE_FIELD.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/common/compression.hpp"
#include "operators/sinks/file.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flow::operators::file_headers_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::ScratchFolder;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;

// Encoded rows with what their file begins with.
Table rows(const std::vector<Cell>& bytes, const std::string& prologue) {
  return {{"bytes", Type::binary(), bytes},
          {"prologue", Type::binary(), std::vector<Cell>(bytes.size(), Cell(prologue))}};
}
Table rows(const std::vector<Cell>& bytes, const std::vector<Cell>& fields,
           const std::string& prologue) {
  Table table = rows(bytes, prologue);
  table.columns.insert(table.columns.begin() + 1, {"kept:f", Type::text(), fields});
  return table;
}

std::string decompressed(std::string_view bytes) {
  const auto decoder = make_decompressor(Compression::kGzip);
  std::string text(1000, ' ');
  size_t length = 0;
  while (!bytes.empty()) {
    const auto step = decoder->step(bytes, text.data() + length, text.size() - length);
    if (!step.error.empty() || step.consumed + step.produced == 0) return "damaged";
    length += step.produced;
    bytes.remove_prefix(step.consumed);
  }
  return text.substr(0, length);
}

class FileHeadersTest : public ::testing::Test {
 protected:
  Harness open(const std::string& path, Settings settings = {}) const {
    settings.push_back({"path", scratch_.path(path)});
    return Harness::of<FileSink>(settings);
  }
  static std::string prepare(Harness& harness) {
    flow_buffer* buffer = nullptr;
    int64_t length = 0;
    flow_operator* op = harness.op();
    EXPECT_EQ(op->prepare(op, 1, &buffer, &length), FLOW_DONE);
    const Buffer handle = Buffer::adopt(buffer);
    return {static_cast<const char*>(handle->data), static_cast<size_t>(length)};
  }
  static void commit(Harness& harness, const std::string& handle) {
    flow_operator* op = harness.op();
    EXPECT_EQ(op->commit(op, handle.data(), static_cast<int64_t>(handle.size())), FLOW_DONE);
  }
  static std::vector<std::string> reasons(const Harness& harness) {
    std::vector<std::string> found;
    for (const auto& failure : harness.failed()) found.push_back(failure.reason);
    return found;
  }
  const std::vector<std::string> one_other_ = {"other_columns"};
  ScratchFolder scratch_;
};

TEST_F(FileHeadersTest, NewFileBeginsWithOneAndItIsNotRepeated) {
  for (const char* mode : {"append", "replace"}) {
    const std::string name = std::string(mode) + ".csv";
    Harness harness = open(name, {{"mode", mode}});
    harness.push(rows({"1\n", "2\n"}, "a\n"));
    harness.push(rows({"3\n"}, "a\n"));
    harness.close();
    EXPECT_EQ(scratch_.read(name), "a\n1\n2\n3\n") << mode;
  }
}

TEST_F(FileHeadersTest, FileWithContentGetsNoneAndMustBeginWithTheSame) {
  for (const char* path : {"out.csv", "out/{f}.csv"}) {
    const bool one = std::string(path) == "out.csv";
    const std::string name = one ? "out.csv" : "out/x.csv";
    const auto batch = [&](const char* bytes, const char* prologue) {
      return one ? rows({bytes}, prologue) : rows({bytes}, {"x"}, prologue);
    };
    std::filesystem::create_directories(scratch_.path("out"));
    scratch_.write(name, "a,b\n1,2\n");
    Harness harness = open(path);
    harness.push(batch("3\n", "a\n"));
    harness.push(batch("3,4\n", "a,b\n"));
    harness.close();
    EXPECT_EQ(scratch_.read(name), "a,b\n1,2\n3,4\n");
    EXPECT_EQ(reasons(harness), one_other_);
  }
}

TEST_F(FileHeadersTest, OtherColumnsFailWhereFilesAreNotRolled) {
  Harness harness = open("out.csv");
  harness.push(rows({"1\n"}, "a\n"));
  harness.push(rows({"2\n"}, "b\n"));
  harness.push(rows({"3\n"}, "a\n"));
  harness.close();
  EXPECT_EQ(scratch_.read("out.csv"), "a\n1\n3\n");
  EXPECT_EQ(reasons(harness), one_other_);
}

TEST_F(FileHeadersTest, RolledFilesHaveOneEachAndOtherColumnsBeginANewOne) {
  Harness harness = open("out.csv", {{"roll", Setting::table({{"size", "6B"}})}});
  harness.push(rows({"1\n", "2\n", "3\n"}, "a\n"));
  harness.push(rows({"4\n"}, "b\n"));
  harness.close();
  EXPECT_EQ(scratch_.read("out-0001.csv"), "a\n1\n2\n");
  EXPECT_EQ(scratch_.read("out-0002.csv"), "a\n3\n");
  EXPECT_EQ(scratch_.read("out-0003.csv"), "b\n4\n");
  EXPECT_TRUE(harness.failed().empty());
}

TEST_F(FileHeadersTest, EachPathHasOneAndCompressedFilesToo) {
  Harness harness = open("out/{f}.csv", {{"max_open_files", 1}});
  harness.push(rows({"1\n", "2\n", "3\n"}, {"x", "y", "x"}, "a\n"));
  harness.push(rows({"4\n"}, {"y"}, "a\n"));
  harness.close();
  EXPECT_EQ(scratch_.read("out/x.csv"), "a\n1\n3\n");
  EXPECT_EQ(scratch_.read("out/y.csv"), "a\n2\n4\n");
  Harness packed = open("x.csv.gz");
  packed.push(rows({"1\n"}, "a\n"));
  packed.push(rows({"2\n"}, "b\n"));
  packed.close();
  EXPECT_EQ(decompressed(scratch_.read("x.csv.gz")), "a\n1\n");
  EXPECT_EQ(reasons(packed), one_other_);
}

// What a run knew of its files, another one knows behind the checkpoint.
TEST_F(FileHeadersTest, RestartsDecideTheSame) {
  for (const char* path : {"out.csv", "out.gz", "out/{f}.csv"}) {
    const bool one = std::string(path).find('{') == std::string::npos;
    const auto batch = [&](const char* bytes, const char* prologue) {
      return one ? rows({bytes}, prologue) : rows({bytes}, {"x"}, prologue);
    };
    std::string handle;
    {
      Harness harness = open(path);
      harness.host().checkpoints = true;
      harness.push(batch("1\n", "a\n"));
      handle = prepare(harness);
      harness.push(batch("cut off\n", "a\n"));
    }
    Harness harness = open(path);
    harness.host().checkpoints = true;
    commit(harness, handle);
    harness.push(batch("2\n", "b\n"));
    harness.push(batch("3\n", "a\n"));
    harness.close();
    EXPECT_EQ(reasons(harness), one_other_) << path;
    const std::string bytes = scratch_.read(one ? path : "out/x.csv");
    EXPECT_EQ(std::string(path) == "out.gz" ? decompressed(bytes) : bytes, "a\n1\n3\n") << path;
  }
}

}  // namespace
}  // namespace flow::operators::file_headers_test
