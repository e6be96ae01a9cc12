// The operators that read and write files, as plugins/files exports them, and the sinks of
// plugins/std.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"
#include "tests/operators/common/compressed_bytes.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flow::operators::files_contract_test {
namespace {

using flow::testing::ContractSubject;
using flow::testing::gzip;
using flow::testing::ScratchFolder;
using flow::testing::Setting;
using flow::testing::Table;
using flow::testing::zstd;

constexpr const char* kFiles = FLOWRUN_PLUGIN_DIR "/files.so";
constexpr const char* kStd = FLOWRUN_PLUGIN_DIR "/std.so";

// More than one piece of the smallest read size.
std::string long_text() {
  std::string text;
  for (int line = 0; line < 2000; ++line) text += "line number " + std::to_string(line) + "\n";
  return text;
}

TEST(FilesContract, FileSource) {
  const ScratchFolder scratch;
  ContractSubject subject;
  subject.kind = FLOW_SOURCE;
  subject.settings = {{"path", Setting(std::vector<std::string>{
                                   scratch.write("a.log", long_text()), scratch.write("b.log", ""),
                                   scratch.write("c.log", "one line\n")})},
                      {"read_size", 4096}};
  EXPECT_CONTRACT(kFiles, "file", subject);
}

TEST(FilesContract, FileSourceOfCompressedFiles) {
  const ScratchFolder scratch;
  ContractSubject subject;
  subject.kind = FLOW_SOURCE;
  subject.settings = {
      {"path",
       Setting(std::vector<std::string>{
           scratch.write("a.log.gz", gzip(long_text()) + gzip("the second member\n")),
           scratch.write("b.log.zst", zstd(long_text())), scratch.write("c.log", long_text())})},
      {"read_size", 4096}};
  EXPECT_CONTRACT(kFiles, "file", subject);
}

TEST(FilesContract, FileSourceThatFollows) {
  const ScratchFolder scratch;
  ContractSubject subject;
  subject.kind = FLOW_SOURCE;
  subject.settings = {{"path", Setting(std::vector<std::string>{
                                   scratch.write("a.log", long_text()), scratch.write("b.log", ""),
                                   scratch.write("c.log", "one line\n")})},
                      {"follow", true},
                      {"read_size", 4096}};
  // Pieces: the source does not end.
  subject.source_rows = static_cast<int64_t>(long_text().size() + 4095) / 4096 + 1;
  EXPECT_CONTRACT(kFiles, "file", subject);
}

TEST(FilesContract, OperatorsOfOneNameAreToldApartByTheirKind) {
  const auto violations = flow::testing::check_contract(kFiles, "file");
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_NE(violations[0].detail.find("ContractSubject::kind"), std::string::npos);
}

// What a codec hands to a sink: short rows, long ones, and one of many bytes.
Table encoded_rows() {
  return {{"bytes",
           Type::binary(),
           {"{\"a\":1}\n", "{\"message\":\"a line of some length\"}\n", "\n", "\xFF\xFE\n",
            std::string(20'000, 'x') + "\n", "the last line\n"}}};
}

ContractSubject sink_subject(const ScratchFolder& scratch, const std::string& mode) {
  ContractSubject subject;
  subject.kind = FLOW_SINK;
  subject.settings = {{"path", scratch.path("out")}, {"mode", mode}, {"roll", Setting::table({})}};
  subject.inputs = {encoded_rows()};
  subject.reset = [&scratch] {
    std::filesystem::remove(scratch.path("out"));
    std::filesystem::remove(scratch.path("out.part"));
  };
  subject.observe = [&scratch] { return scratch.read("out"); };
  subject.delivered_rows = [&scratch] {
    const std::string bytes = scratch.read("out");
    return static_cast<int64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  };
  return subject;
}

TEST(FilesContract, FileSinkThatAppends) {
  const ScratchFolder scratch;
  ContractSubject subject = sink_subject(scratch, "append");
  subject.waived = {{"prepare", "appended rows are seen at once; the handle says where they end"},
                    {"abort", "the run goes on behind them: they are not written again"}};
  EXPECT_CONTRACT(kFiles, "file", subject);
}

TEST(FilesContract, FileSinkOfRowsWithAHeader) {
  const ScratchFolder scratch;
  ContractSubject subject = sink_subject(scratch, "replace");
  const size_t rows = subject.inputs[0].columns[0].cells.size();
  subject.inputs[0].columns.emplace_back(
      "prologue", Type::binary(),
      std::vector<flow::testing::Cell>(rows, flow::testing::Cell("the header\n")));
  subject.delivered_rows = [&scratch] {
    const std::string bytes = scratch.read("out");
    return std::max<int64_t>(std::count(bytes.begin(), bytes.end(), '\n') - 1, 0);
  };
  subject.waived = {{"commit", "the file takes its name at the end of the run"}};
  EXPECT_CONTRACT(kFiles, "file", subject);
}

TEST(FilesContract, FileSinkThatReplaces) {
  const ScratchFolder scratch;
  ContractSubject subject = sink_subject(scratch, "replace");
  subject.waived = {{"commit", "the file takes its name at the end of the run"}};
  EXPECT_CONTRACT(kFiles, "file", subject);
}

// What a codec hands to a sink whose path has the field `f`.
Table encoded_rows_with_fields() {
  Table table = encoded_rows();
  table.columns.push_back(
      {"kept:f", Type::text(), {"red", "green", "../blue", "red", "red", "green"}});
  return table;
}

ContractSubject many_files_subject(const ScratchFolder& scratch) {
  ContractSubject subject;
  subject.kind = FLOW_SINK;
  subject.inputs = {encoded_rows_with_fields()};
  subject.reset = [&scratch] {
    std::filesystem::remove_all(scratch.path("out"));
    std::filesystem::create_directory(scratch.path("out"));
  };
  // Finished files, whatever their numbers, in order.
  subject.observe = [&scratch] {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(scratch.path("out"))) {
      const std::string name = entry.path().filename().string();
      if (entry.path().extension() == ".part") continue;
      files[name] = scratch.read("out/" + name);
    }
    std::string all;
    for (const auto& [name, bytes] : files) all.append(name).append(": ").append(bytes);
    return all;
  };
  return subject;
}

TEST(FilesContract, FileSinkOfManyFilesShowsRowsAtCommit) {
  const ScratchFolder scratch;
  ContractSubject subject = many_files_subject(scratch);
  subject.settings = {{"path", scratch.path("out/{f}.txt")},
                      {"roll", Setting::table({{"checkpoint", true}})}};
  subject.delivered_rows = [&subject] {
    const std::string bytes = subject.observe();
    return static_cast<int64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  };
  EXPECT_CONTRACT(kFiles, "file", subject);
}

TEST(FilesContract, FileSinkThatRollsAndCompresses) {
  const ScratchFolder scratch;
  ContractSubject subject = many_files_subject(scratch);
  subject.settings = {{"path", scratch.path("out/{f}.zst")},
                      {"max_open_files", 2},
                      {"roll", Setting::table({{"size", "15kB"}})}};
  subject.waived = {{"commit", "a file that is not full takes its name later"}};
  EXPECT_CONTRACT(kFiles, "file", subject);
}

// The standard output is a file while it lives.
class RedirectedOutput {
 public:
  explicit RedirectedOutput(const std::string& path) : before_(::dup(STDOUT_FILENO)) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (before_ < 0 || file < 0 || ::dup2(file, STDOUT_FILENO) < 0) {
      throw std::runtime_error("cannot redirect the standard output");
    }
    ::close(file);
  }
  RedirectedOutput(const RedirectedOutput&) = delete;
  RedirectedOutput& operator=(const RedirectedOutput&) = delete;
  ~RedirectedOutput() {
    ::dup2(before_, STDOUT_FILENO);
    ::close(before_);
  }

 private:
  int before_;
};

TEST(StdContract, Stdout) {
  const ScratchFolder scratch;
  ContractSubject subject = sink_subject(scratch, "");
  subject.settings.clear();
  // The file stays the one that the output goes to: emptied, not removed.
  subject.reset = [&scratch] { std::filesystem::resize_file(scratch.path("out"), 0); };
  std::cout.flush();
  std::fflush(stdout);
  std::vector<flow::testing::Violation> violations;
  {
    const RedirectedOutput redirected(scratch.path("out"));
    violations = flow::testing::check_contract(kStd, "stdout", subject);
  }
  EXPECT_TRUE(violations.empty()) << flow::testing::described(violations);
}

TEST(StdContract, Discard) {
  ContractSubject subject;
  EXPECT_CONTRACT(kStd, "discard", subject);
  subject.inputs = {encoded_rows()};
  EXPECT_CONTRACT(kStd, "discard", subject);
}

}  // namespace
}  // namespace flow::operators::files_contract_test
