// 'flowrun state' as people call it.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <future>
#include <string>

#include "core/state/checkpoint_store.hpp"
#include "flow/state.hpp"
#include "flow/testing/host.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flowrun::state_command_test {
namespace {

using flow::testing::ScratchFolder;

struct Answer {
  int status = -1;
  std::string text;
};

Answer ask(const std::string& arguments) {
  Answer answer;
  FILE* pipe = ::popen((FLOWRUN_BINARY " state " + arguments + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return answer;
  char bytes[512];
  while (const std::size_t got = std::fread(bytes, 1, sizeof bytes, pipe)) {
    answer.text.append(bytes, got);
  }
  answer.status = WEXITSTATUS(::pclose(pipe));
  return answer;
}

class StateCommandTest : public ::testing::Test {
 protected:
  void write() {
    flow::testing::TestHost host;
    flow::KeyedTable<std::int64_t> table(host.host(), "counts", 3);
    for (std::uint64_t i = 0; i < 10; ++i) table.insert(i << 57, std::to_string(i));
    CheckpointStore checkpoints(folder_);
    for (int i = 0; i < 2; ++i) {
      const std::uint64_t id = checkpoints.next_id();
      checkpoints.begin(id, 1'700'000'000'000'000'000);
      checkpoints.freeze(id, "per_minute", host.state());
      std::promise<std::string> done;
      checkpoints.finish(id, {{"source/access_log/positions", "4711"}},
                         [&](const std::string& problem) { done.set_value(problem); });
      ASSERT_EQ(done.get_future().get(), "");
    }
  }

  ScratchFolder scratch_;
  std::string folder_ = scratch_.path("state");
};

TEST_F(StateCommandTest, ListsCheckpointsAndWhatIsWrong) {
  write();
  Answer answer = ask("ls " + folder_);
  EXPECT_EQ(answer.status, 0) << answer.text;
  EXPECT_NE(answer.text.find("2023-11-14T22:13:20Z"), std::string::npos) << answer.text;
  EXPECT_NE(answer.text.find("complete"), std::string::npos) << answer.text;
  std::filesystem::resize_file(manifest_path(folder_, 2), 100);
  answer = ask("ls " + folder_);
  EXPECT_EQ(answer.status, 0) << answer.text;
  EXPECT_NE(answer.text.find("damaged: "), std::string::npos) << answer.text;
  std::filesystem::remove(page_file_path(folder_, 1));
  EXPECT_EQ(ask("ls " + folder_).status, 69);
  EXPECT_EQ(ask("show " + folder_).status, 69);
}

TEST_F(StateCommandTest, ShowsPartsAndTables) {
  write();
  Answer answer = ask("show " + folder_);
  EXPECT_EQ(answer.status, 0) << answer.text;
  EXPECT_NE(answer.text.find("checkpoint 2 of"), std::string::npos) << answer.text;
  EXPECT_NE(answer.text.find("source/access_log/positions: 4711"), std::string::npos);
  EXPECT_NE(answer.text.find("table 'counts' (version 3): 10 keys, "), std::string::npos)
      << answer.text;
  answer = ask("show " + manifest_path(folder_, 1).string() + " access_log");
  EXPECT_EQ(answer.status, 0) << answer.text;
  EXPECT_EQ(answer.text.find("table"), std::string::npos) << answer.text;
  EXPECT_EQ(ask("show " + folder_ + " nobody").status, 64);
}

TEST_F(StateCommandTest, SaysWhatDoesNotExist) {
  const Answer answer = ask("ls " + folder_);
  EXPECT_EQ(answer.status, 69);
  EXPECT_NE(answer.text.find("does not exist"), std::string::npos) << answer.text;
}

}  // namespace
}  // namespace flowrun::state_command_test
