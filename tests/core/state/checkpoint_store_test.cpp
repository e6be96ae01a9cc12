// What a run begins again from: whole, the newest, and never harmed by what goes wrong.
#include "core/state/checkpoint_store.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <future>
#include <random>
#include <thread>

#include "flow/host/key_hash.hpp"
#include "tests/operators/common/full_disk.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flowrun::checkpoint_store_test {
namespace {

using flow::host::StateStore;
using flow::testing::FullDisk;
using flow::testing::ScratchFolder;
using Parts = std::map<std::string, std::string>;

// Keyed state of which each page is filled with one byte.
class State {
 public:
  explicit State(std::int64_t limit = std::int64_t{1} << 30) : store_(account_, limit) {}

  void write(std::uint32_t group, std::uint32_t index, char content) {
    flow_page* page = store_.page(store_.table("table", 1), group, 0, index);
    store_.thaw(page);
    std::memset(page->data, content, FLOW_PAGE_BYTES / 2);
  }
  char at(std::uint32_t group, std::uint32_t index) {
    return *static_cast<const char*>(store_.page(store_.table("table", 1), group, 0, index)->data);
  }
  std::uint32_t pages(std::uint32_t group) {
    return StateStore::page_count(store_.table("table", 1), group, 0);
  }
  StateStore& store() { return store_; }

 private:
  flow::host::MemoryAccount account_;
  StateStore store_;
};

// The problem, empty if it is complete.
std::string checkpoint(CheckpointStore& checkpoints, const Parts& parts,
                       const std::map<std::string, StateStore*>& stores = {}) {
  const std::uint64_t id = checkpoints.next_id();
  checkpoints.begin(id, 1'700'000'000'000'000'000);
  for (const auto& [component, store] : stores) checkpoints.freeze(id, component, *store);
  std::promise<std::string> done;
  checkpoints.finish(id, parts, [&](const std::string& problem) { done.set_value(problem); });
  return done.get_future().get();
}

std::optional<Manifest> load(CheckpointStore& checkpoints) {
  std::vector<DamagedCheckpoint> damaged;
  std::optional<Manifest> found = checkpoints.load(damaged);
  for (const DamagedCheckpoint& one : damaged) ADD_FAILURE() << one.reason;
  return found;
}

class CheckpointStoreTest : public ::testing::Test {
 protected:
  std::filesystem::path folder() const { return scratch_.path("state"); }
  std::size_t files(const std::string& prefix) const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder())) {
      if (entry.path().filename().string().starts_with(prefix)) ++count;
    }
    return count;
  }
  static void flip(const std::filesystem::path& file, std::uint64_t at) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(stream.get());
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(static_cast<char>(byte ^ 1));
  }

  ScratchFolder scratch_;
};

TEST_F(CheckpointStoreTest, AnEmptyFolderHasNone) {
  CheckpointStore checkpoints(folder());
  EXPECT_FALSE(load(checkpoints));
  EXPECT_EQ(checkpoints.next_id(), 1U);
}

TEST_F(CheckpointStoreTest, PartsComeBack) {
  const Parts parts = {{"ledger", std::string("a\0b", 3)}, {"source/x", std::string(100'000, 'p')}};
  {
    CheckpointStore checkpoints(folder());
    EXPECT_EQ(checkpoint(checkpoints, parts), "");
  }
  CheckpointStore checkpoints(folder());
  const std::optional<Manifest> found = load(checkpoints);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, 1U);
  EXPECT_EQ(found->time, 1'700'000'000'000'000'000);
  EXPECT_EQ(found->parts, parts);
  EXPECT_EQ(checkpoints.next_id(), 2U);
}

TEST_F(CheckpointStoreTest, PagesComeBackAtAnyParallelism) {
  State one;
  for (std::uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
    one.write(group, 0, static_cast<char>('a' + group % 26));
    if (group % 3 == 0) one.write(group, 1, '+');
  }
  {
    CheckpointStore checkpoints(folder());
    EXPECT_EQ(checkpoint(checkpoints, {}, {{"window", &one.store()}}), "");
  }
  CheckpointStore checkpoints(folder());
  const Manifest found = *load(checkpoints);
  for (const std::uint32_t instances : {1U, 2U, 5U}) {
    std::uint32_t pages = 0;
    for (std::uint32_t instance = 0; instance < instances; ++instance) {
      State restored;
      checkpoints.restore(found, "window", restored.store(), instance, instances);
      for (std::uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
        if (restored.pages(group) == 0) continue;
        EXPECT_EQ(flow::host::owner_of_group(group, instances), instance);
        EXPECT_EQ(restored.at(group, 0), static_cast<char>('a' + group % 26));
        pages += restored.pages(group);
      }
    }
    EXPECT_EQ(pages, FLOW_KEY_GROUPS + FLOW_KEY_GROUPS / 3 + 1);
  }
}

TEST_F(CheckpointStoreTest, WritesOnlyPagesThatChanged) {
  CheckpointStore checkpoints(folder());
  State state;
  for (std::uint32_t i = 0; i < 20; ++i) state.write(0, i, 'a');
  checkpoint(checkpoints, {}, {{"window", &state.store()}});
  EXPECT_EQ(checkpoints.written().pages, 20U);
  state.write(0, 7, 'b');
  checkpoint(checkpoints, {}, {{"window", &state.store()}});
  EXPECT_EQ(checkpoints.written().pages, 1U);
  EXPECT_EQ(checkpoints.written().unchanged_pages, 19U);
  EXPECT_LT(checkpoints.written().bytes, 40'000U);
  State restored;
  checkpoints.restore(*load(checkpoints), "window", restored.store());
  EXPECT_EQ(restored.at(0, 7), 'b');
  EXPECT_EQ(restored.at(0, 8), 'a');
  EXPECT_EQ(restored.pages(0), 20U);
}

TEST_F(CheckpointStoreTest, GoesOnIncrementallyAfterARestart) {
  State state;
  for (std::uint32_t i = 0; i < 20; ++i) state.write(0, i, 'a');
  {
    CheckpointStore checkpoints(folder());
    checkpoint(checkpoints, {}, {{"window", &state.store()}});
  }
  CheckpointStore checkpoints(folder());
  State restored;
  checkpoints.restore(*load(checkpoints), "window", restored.store());
  restored.write(0, 3, 'c');
  EXPECT_EQ(checkpoint(checkpoints, {}, {{"window", &restored.store()}}), "");
  EXPECT_EQ(checkpoints.written().pages, 1U);
  State again;
  checkpoints.restore(*load(checkpoints), "window", again.store());
  EXPECT_EQ(again.at(0, 3), 'c');
  EXPECT_EQ(again.at(0, 4), 'a');
}

TEST_F(CheckpointStoreTest, KeepsThreeAndRemovesWhatNobodyNeeds) {
  CheckpointStore checkpoints(folder());
  State state;
  for (char round = 0; round < 10; ++round) {
    for (std::uint32_t i = 0; i < 4; ++i) state.write(0, i, static_cast<char>('a' + round));
    EXPECT_EQ(checkpoint(checkpoints, {}, {{"window", &state.store()}}), "");
  }
  EXPECT_EQ(files("checkpoint-"), 3U);
  EXPECT_EQ(files("pages-"), 3U);
}

TEST_F(CheckpointStoreTest, WritesLivePagesOfMostlyDeadFilesAgain) {
  CheckpointStore checkpoints(folder(), {.keep = 1});
  State state;
  for (std::uint32_t i = 0; i < 20; ++i) state.write(0, i, 'a');
  checkpoint(checkpoints, {}, {{"window", &state.store()}});
  for (std::uint32_t i = 0; i < 15; ++i) state.write(0, i, 'b');
  checkpoint(checkpoints, {}, {{"window", &state.store()}});
  EXPECT_EQ(checkpoints.written().moved_pages, 5U);
  EXPECT_EQ(files("pages-"), 1U);
  State restored;
  checkpoints.restore(*load(checkpoints), "window", restored.store());
  EXPECT_EQ(restored.at(0, 14), 'b');
  EXPECT_EQ(restored.at(0, 15), 'a');
}

TEST_F(CheckpointStoreTest, ManySmallFilesBecomeFewer) {
  CheckpointStore checkpoints(folder(), {.keep = 1});
  State state;
  for (std::uint32_t i = 0; i < 100; ++i) {
    state.write(0, i, 'a');
    ASSERT_EQ(checkpoint(checkpoints, {}, {{"window", &state.store()}}), "");
  }
  EXPECT_LE(files("pages-"), 66U);
  State restored;
  checkpoints.restore(*load(checkpoints), "window", restored.store());
  EXPECT_EQ(restored.pages(0), 100U);
}

TEST_F(CheckpointStoreTest, SkipsDamagedOnesForTheOneBeforeAndNamesThem) {
  State state;
  {
    CheckpointStore checkpoints(folder());
    for (char round = 0; round < 3; ++round) {
      for (std::uint32_t i = 0; i < 4; ++i) state.write(0, i, static_cast<char>('a' + round));
      checkpoint(checkpoints, {}, {{"window", &state.store()}});
    }
  }
  flip(manifest_path(folder(), 3), 50);
  flip(page_file_path(folder(), 2), 40'000);
  CheckpointStore checkpoints(folder());
  std::vector<DamagedCheckpoint> damaged;
  const std::optional<Manifest> found = checkpoints.load(damaged);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, 1U);
  ASSERT_EQ(damaged.size(), 2U);
  EXPECT_EQ(damaged[0].id, 3U);
  EXPECT_NE(damaged[0].reason.find("checkpoint-0000000003.manifest"), std::string::npos);
  EXPECT_NE(damaged[1].reason.find("pages-0000000002.data"), std::string::npos)
      << damaged[1].reason;
  State restored;
  checkpoints.restore(*found, "window", restored.store());
  EXPECT_EQ(restored.at(0, 0), 'a');
  EXPECT_EQ(checkpoints.next_id(), 4U);
  restored.write(0, 0, 'z');
  EXPECT_EQ(checkpoint(checkpoints, {}, {{"window", &restored.store()}}), "");
  EXPECT_EQ(load(checkpoints)->id, 4U);
}

TEST_F(CheckpointStoreTest, NamesMissingAndShortenedPageFiles) {
  State state;
  {
    CheckpointStore checkpoints(folder());
    for (char round = 0; round < 3; ++round) {
      state.write(0, 0, static_cast<char>('a' + round));
      checkpoint(checkpoints, {}, {{"window", &state.store()}});
    }
  }
  std::filesystem::remove(page_file_path(folder(), 3));
  std::filesystem::resize_file(page_file_path(folder(), 2), 1000);
  CheckpointStore checkpoints(folder());
  std::vector<DamagedCheckpoint> damaged;
  EXPECT_EQ(checkpoints.load(damaged)->id, 1U);
  ASSERT_EQ(damaged.size(), 2U);
  EXPECT_NE(damaged[0].reason.find("No such file"), std::string::npos) << damaged[0].reason;
  EXPECT_NE(damaged[1].reason.find("has 1000 bytes"), std::string::npos) << damaged[1].reason;
}

TEST_F(CheckpointStoreTest, AnyBitOfAnyFileIsNoticed) {
  State state;
  state.write(3, 0, 'a');
  {
    CheckpointStore checkpoints(folder());
    checkpoint(checkpoints, {{"part", "value"}}, {{"window", &state.store()}});
  }
  std::mt19937 random(5);
  for (const auto& path : {manifest_path(folder(), 1), page_file_path(folder(), 1)}) {
    const std::uint64_t size = std::filesystem::file_size(path);
    for (int i = 0; i < 60; ++i) {
      std::uint64_t at = random() % size;
      // The 16 bytes before a page are for people: nobody reads them.
      if (path.extension() == ".data" && at >= 32 && at < 48) continue;
      flip(path, at);
      EXPECT_NE(look_at_checkpoint(manifest_path(folder(), 1)).problem, "") << path << ' ' << at;
      flip(path, at);
    }
  }
  EXPECT_EQ(look_at_checkpoint(manifest_path(folder(), 1)).problem, "");
}

TEST_F(CheckpointStoreTest, TwoRunsDoNotShareAFolder) {
  CheckpointStore checkpoints(folder());
  try {
    CheckpointStore second(folder());
    FAIL() << "shares it";
  } catch (const CheckpointError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("in use by process " + std::to_string(::getpid())), std::string::npos)
        << message;
  }
}

TEST_F(CheckpointStoreTest, AFullDiskHarmsNothing) {
  std::signal(SIGXFSZ, SIG_IGN);
  CheckpointStore checkpoints(folder());
  State state;
  for (std::uint32_t i = 0; i < 40; ++i) state.write(0, i, 'a');
  checkpoint(checkpoints, {}, {{"window", &state.store()}});
  for (std::uint32_t i = 0; i < 40; ++i) state.write(0, i, 'b');
  {
    const FullDisk full(300'000);
    const std::string problem = checkpoint(checkpoints, {}, {{"window", &state.store()}});
    EXPECT_NE(problem.find("pages-0000000002.data"), std::string::npos) << problem;
    EXPECT_NE(problem.find("File too large"), std::string::npos) << problem;
  }
  EXPECT_EQ(files("pages-"), 1U);
  EXPECT_EQ(files("checkpoint-"), 1U);
  EXPECT_EQ(load(checkpoints)->id, 1U);
  {
    const FullDisk full(100'000);
    state.write(0, 0, 'c');
    EXPECT_NE(checkpoint(checkpoints, {{"large", std::string(200'000, 'x')}}), "");
  }
  EXPECT_EQ(files("checkpoint-"), 1U);
  EXPECT_EQ(checkpoint(checkpoints, {}, {{"window", &state.store()}}), "");
  State restored;
  checkpoints.restore(*load(checkpoints), "window", restored.store());
  EXPECT_EQ(restored.at(0, 0), 'c');
  EXPECT_EQ(restored.at(0, 1), 'b');
}

TEST_F(CheckpointStoreTest, AnAbandonedCheckpointLeavesNothing) {
  CheckpointStore checkpoints(folder());
  State state;
  state.write(0, 0, 'a');
  checkpoints.begin(1, 0);
  checkpoints.freeze(1, "window", state.store());
  state.write(0, 0, 'b');
  checkpoints.abandon();
  EXPECT_EQ(files("pages-"), 0U);
  checkpoints.freeze(1, "window", state.store());  // comes too late, and is for nobody
  EXPECT_EQ(checkpoint(checkpoints, {}, {{"window", &state.store()}}), "");
  EXPECT_EQ(load(checkpoints)->id, 2U);
  State restored;
  checkpoints.restore(*load(checkpoints), "window", restored.store());
  EXPECT_EQ(restored.at(0, 0), 'b');
}

TEST_F(CheckpointStoreTest, StartingOverRemovesEverything) {
  State state;
  state.write(0, 0, 'a');
  CheckpointStore checkpoints(folder());
  checkpoint(checkpoints, {}, {{"window", &state.store()}});
  checkpoints.start_over();
  EXPECT_FALSE(load(checkpoints));
  EXPECT_EQ(files("pages-"), 0U);
  EXPECT_EQ(checkpoints.next_id(), 2U);
}

TEST_F(CheckpointStoreTest, RefusesMoreStateThanTheLimit) {
  CheckpointStore checkpoints(folder());
  State state;
  for (std::uint32_t i = 0; i < 4; ++i) state.write(0, i, 'a');
  checkpoint(checkpoints, {}, {{"window", &state.store()}});
  State small(2 * FLOW_PAGE_BYTES);
  try {
    checkpoints.restore(*load(checkpoints), "window", small.store());
    FAIL() << "fits";
  } catch (const CheckpointError& error) {
    EXPECT_NE(std::string(error.what()).find("state_limit"), std::string::npos) << error.what();
  }
}

TEST_F(CheckpointStoreTest, SaysWhichFolderIsMissing) {
  EXPECT_THROW(list_checkpoints(folder()), CheckpointError);
}

// A worker writes all the time, and each checkpoint is one moment of its work: page 0 is written
// before all others, page 1 last.
TEST_F(CheckpointStoreTest, EachCheckpointIsOneMoment) {
  CheckpointStore checkpoints(folder());
  State state;
  constexpr std::uint32_t kPages = 60;
  char value = 'a';
  const auto write_all = [&] {
    value = value == 'z' ? 'a' : static_cast<char>(value + 1);
    for (std::uint32_t i = 0; i < kPages; ++i) state.write(0, i, value);
  };
  write_all();
  for (int round = 0; round < 20; ++round) {
    const std::uint64_t id = checkpoints.next_id();
    const char expected = value;
    checkpoints.begin(id, 0);
    checkpoints.freeze(id, "window", state.store());
    std::promise<std::string> done;
    auto answered = done.get_future();
    checkpoints.finish(id, {}, [&](const std::string& problem) { done.set_value(problem); });
    while (answered.wait_for(std::chrono::seconds(0)) != std::future_status::ready) write_all();
    EXPECT_EQ(answered.get(), "");
    State restored;
    checkpoints.restore(*load(checkpoints), "window", restored.store());
    for (std::uint32_t i = 0; i < kPages; ++i) ASSERT_EQ(restored.at(0, i), expected) << i;
  }
}

// Killed at any moment, the folder has a checkpoint that is whole.
TEST_F(CheckpointStoreTest, SurvivesKills) {
  std::mt19937 random(3);
  std::uint64_t newest = 0;
  int pace = 1;  // longer where the machine is so slow that nothing comes about
  for (int round = 0; round < 15; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      CheckpointStore checkpoints(folder());
      std::vector<DamagedCheckpoint> damaged;
      checkpoints.load(damaged);
      State state;
      for (;;) {
        const auto content = static_cast<char>(checkpoints.next_id());
        for (std::uint32_t i = 0; i < 30; ++i) state.write(0, i, content);
        checkpoint(checkpoints, {}, {{"window", &state.store()}});
      }
    }
    std::this_thread::sleep_for(pace * std::chrono::milliseconds(20 + random() % 40));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    CheckpointStore checkpoints(folder());
    const std::optional<Manifest> found = load(checkpoints);
    if (!found) {
      pace = std::min(2 * pace, 32);
      continue;
    }
    EXPECT_GE(found->id, newest);
    newest = found->id;
    State restored;
    checkpoints.restore(*found, "window", restored.store());
    for (std::uint32_t i = 0; i < 30; ++i) {
      ASSERT_EQ(restored.at(0, i), static_cast<char>(found->id));
    }
  }
  EXPECT_GT(newest, 0U);
}

}  // namespace
}  // namespace flowrun::checkpoint_store_test
