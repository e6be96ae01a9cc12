// What was told durable is there, whatever happens; what was not may be cut off.
#include "core/state/journal.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

#include "core/state/journal_segment.hpp"
#include "tests/operators/common/full_disk.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flowrun::journal_test {
namespace {

using flow::testing::FullDisk;
using flow::testing::ScratchFolder;
using std::chrono::milliseconds;

class JournalTest : public ::testing::Test {
 protected:
  std::filesystem::path folder() const { return scratch_.path("journal"); }
  std::vector<std::filesystem::path> segments() const {
    std::vector<std::filesystem::path> paths;
    for (const Segment& segment : find_segments(folder())) paths.push_back(segment.path);
    return paths;
  }
  static std::vector<std::string> records(const Journal& journal, std::uint64_t from) {
    std::vector<std::string> records;
    Journal::Reader reader = journal.read(from);
    std::string_view bytes;
    std::uint64_t offset = 0;
    while (reader.next(bytes, offset)) records.emplace_back(bytes);
    return records;
  }
  static void flip(const std::filesystem::path& file, std::uint64_t at) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(stream.get());
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(static_cast<char>(byte ^ 4));
  }
  static std::string problem_of(const std::filesystem::path& folder) {
    try {
      const Journal journal(folder, {}, {});
      return "";
    } catch (const JournalError& error) {
      return error.what();
    }
  }

  ScratchFolder scratch_;
};

TEST_F(JournalTest, GivesBackWhatWasAppended) {
  std::uint64_t second = 0;
  {
    Journal journal(folder(), {}, {});
    EXPECT_EQ(journal.begin(), 0U);
    second = *journal.append("one");
    journal.append("");
    const std::uint64_t end = *journal.append(std::string("t\0o", 3));
    EXPECT_EQ(end, journal.end());
    EXPECT_EQ(records(journal, 0), (std::vector<std::string>{"one", "", std::string("t\0o", 3)}));
  }
  const Journal journal(folder(), {}, {});
  EXPECT_EQ(journal.note(), "");
  EXPECT_EQ(records(journal, second), (std::vector<std::string>{"", std::string("t\0o", 3)}));
  EXPECT_TRUE(records(journal, journal.end()).empty());
}

TEST_F(JournalTest, TellsWhatIsDurableSoon) {
  std::atomic<std::uint64_t> durable{0};
  Journal journal(folder(), {}, [&](std::uint64_t offset) {
    durable = offset;
    durable.notify_all();
  });
  const std::uint64_t end = *journal.append("record");
  durable.wait(0);
  EXPECT_EQ(durable.load(), end);
  const std::uint64_t another = *journal.append("another");
  journal.sync();
  while (durable.load() < another) std::this_thread::yield();
  EXPECT_EQ(durable.load(), another);
}

TEST_F(JournalTest, GoesOnInNewSegments) {
  Journal::Options options;
  options.segment_bytes = 1000;
  std::vector<std::string> expected;
  {
    Journal journal(folder(), options, {});
    for (int i = 0; i < 30; ++i) {
      expected.emplace_back(100, static_cast<char>('a' + i % 26));
      journal.append(expected.back());
    }
    EXPECT_EQ(records(journal, 0), expected);
  }
  EXPECT_EQ(segments().size(), 4U);
  const Journal journal(folder(), options, {});
  EXPECT_EQ(records(journal, 0), expected);
}

TEST_F(JournalTest, RemovesWholeSegmentsThatNobodyNeeds) {
  Journal::Options options;
  options.segment_bytes = 1000;
  Journal journal(folder(), options, {});
  std::vector<std::uint64_t> offsets;
  offsets.reserve(30);
  for (int i = 0; i < 30; ++i) offsets.push_back(*journal.append(std::string(100, 'x')));
  journal.truncate_before(offsets[20]);
  EXPECT_EQ(segments().size(), 2U);
  EXPECT_EQ(records(journal, offsets[20]).size(), 9U);
  EXPECT_THROW(journal.read(0), JournalError);
  EXPECT_THROW(journal.read(journal.end() + 1), JournalError);
  EXPECT_GT(journal.begin(), 0U);
}

TEST_F(JournalTest, OffsetsGoOnWhenEverythingWasRemoved) {
  Journal::Options options;
  options.limit = 4000;
  std::uint64_t end = 0;
  {
    Journal journal(folder(), options, {});
    for (int i = 0; i < 6; ++i) journal.append(std::string(100, 'x'));
    end = journal.end();
    journal.truncate_before(end);
    EXPECT_EQ(journal.begin(), end);
  }
  const Journal journal(folder(), options, {});
  EXPECT_EQ(journal.begin(), end);
  EXPECT_EQ(journal.end(), end);
}

TEST_F(JournalTest, SaysWhenItIsFull) {
  Journal::Options options;
  options.limit = 4000;
  Journal journal(folder(), options, {});
  std::uint64_t last = 0;
  while (const auto offset = journal.append(std::string(100, 'x'))) last = *offset;
  EXPECT_GT(last, 3000U);
  EXPECT_LE(last, 4000U);
  journal.truncate_before(last);
  EXPECT_TRUE(journal.append(std::string(100, 'x')));
}

TEST_F(JournalTest, CutsOffATornEnd) {
  std::uint64_t second = 0;
  {
    Journal journal(folder(), {}, {});
    journal.append("first");
    second = *journal.append("second");
  }
  for (const std::uint64_t left : {1U, 10U, 23U, 28U}) {
    {
      Journal journal(folder(), {}, {});
      EXPECT_EQ(journal.end(), second);
      journal.append("third");
    }
    std::filesystem::resize_file(segments()[0], kSegmentHeaderBytes + second + left);
    const Journal journal(folder(), {}, {});
    EXPECT_NE(journal.note().find("cut off at offset " + std::to_string(second)), std::string::npos)
        << journal.note();
    EXPECT_EQ(records(journal, 0), (std::vector<std::string>{"first", "second"}));
  }
}

TEST_F(JournalTest, ATornHeadOfTheLastSegmentIsMadeAgain) {
  { const Journal journal(folder(), {}, {}); }
  for (const std::uint64_t left : {0U, 31U}) {
    std::filesystem::resize_file(segments()[0], left);
    Journal journal(folder(), {}, {});
    EXPECT_NE(journal.note(), "");
    EXPECT_EQ(journal.end(), 0U);
  }
  Journal journal(folder(), {}, {});
  EXPECT_EQ(journal.note(), "");
}

TEST_F(JournalTest, DamageBeforeTheEndIsAnError) {
  {
    Journal journal(folder(), {}, {});
    for (int i = 0; i < 5; ++i) {
      journal.append(std::string(100, 'x'));
      journal.sync();
    }
  }
  flip(segments()[0], kSegmentHeaderBytes + 150);
  const std::string problem = problem_of(folder());
  EXPECT_NE(problem.find(segments()[0].string() + " is damaged at offset 124"), std::string::npos)
      << problem;
  flip(segments()[0], kSegmentHeaderBytes + 150);
  EXPECT_EQ(problem_of(folder()), "");
}

TEST_F(JournalTest, DamageInAnEarlierSegmentIsAnError) {
  Journal::Options options;
  options.segment_bytes = 1000;
  {
    Journal journal(folder(), options, {});
    for (int i = 0; i < 20; ++i) journal.append(std::string(100, 'x'));
  }
  flip(segments()[0], 900);
  EXPECT_NE(problem_of(folder()).find("is damaged at offset"), std::string::npos);
  flip(segments()[0], 900);
  EXPECT_EQ(problem_of(folder()), "");
  std::filesystem::remove(segments()[1]);
  EXPECT_NE(problem_of(folder()).find("is missing"), std::string::npos);
}

TEST_F(JournalTest, AFullDiskLeavesTheJournalAsItWas) {
  Journal journal(folder(), {}, {});
  journal.append("first");
  const std::uint64_t end = journal.end();
  std::signal(SIGXFSZ, SIG_IGN);
  {
    const FullDisk full(4096);
    EXPECT_THROW(journal.append(std::string(10'000, 'x')), JournalError);
  }
  EXPECT_EQ(journal.end(), end);
  journal.append("second");
  EXPECT_EQ(records(journal, 0), (std::vector<std::string>{"first", "second"}));
}

// A child appends numbered records and tells through a pipe which are durable, until it is killed.
TEST_F(JournalTest, EveryRecordThatWasToldDurableSurvivesAKill) {
  std::mt19937 random(11);
  for (int round = 0; round < 8; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      Journal::Options options;
      options.segment_bytes = 20'000;
      options.sync_within = milliseconds(1);
      Journal journal(folder(), options, [&](std::uint64_t offset) {
        if (::write(ends[1], &offset, sizeof offset) != sizeof offset) ::_exit(1);
      });
      for (;;) {
        if (!journal.append(std::to_string(journal.end()) + std::string(200, '.'))) ::_exit(1);
      }
    }
    ::close(ends[1]);
    std::this_thread::sleep_for(milliseconds(20 + random() % 30));
    ::kill(child, SIGKILL);
    std::uint64_t durable = 0, told = 0;
    while (::read(ends[0], &told, sizeof told) == sizeof told) durable = told;
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));

    Journal journal(folder(), {}, {});
    EXPECT_GE(journal.end(), durable);
    Journal::Reader reader = journal.read(journal.begin());
    std::string_view bytes;
    std::uint64_t offset = 0, expected = journal.begin();
    while (reader.next(bytes, offset)) {
      EXPECT_EQ(bytes.substr(0, bytes.find('.')), std::to_string(expected));
      expected = offset;
    }
    EXPECT_EQ(expected, journal.end());
    journal.truncate_before(journal.end());
  }
}

}  // namespace
}  // namespace flowrun::journal_test
