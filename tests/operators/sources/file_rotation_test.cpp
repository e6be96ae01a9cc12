// Files that are rotated as fast as the machine can, under a source that follows them: every line
// comes once.
#include <gtest/gtest.h>
#include <sys/types.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/operators/common/scratch_folder.hpp"
#include "tests/operators/sources/follow_reader.hpp"

namespace flow::operators::file_rotation_test {
namespace {

using flow::testing::FollowReader;
using flow::testing::ScratchFolder;
using Random = std::mt19937_64;

constexpr int kRotations = 10'000;

uint64_t rotation_seed() {
  const char* const given = std::getenv("FLOWRUN_TEST_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "FLOWRUN_TEST_SEED=" << seed << std::endl;
  return seed;
}

class FileRotationTest : public ::testing::Test {
 protected:
  // Numbers its lines over all files; the last of a file may end without a line feed.
  std::string next_lines(uint64_t most) {
    std::string text;
    for (uint64_t n = random_() % (most + 1); n > 0; --n) {
      text.append("line ").append(std::to_string(written_++));
      text.append(random_() % 200, 'x').append("\n");
    }
    return text;
  }
  // Of all streams: every number once, no line in two parts.
  void expect_each_line_once(const FollowReader& reader) const {
    std::vector<int> seen(static_cast<size_t>(written_));
    for (const auto& [partition, streams] : reader.streams()) {
      for (const std::string& stream : streams) {
        for (size_t at = 0; at < stream.size();) {
          const size_t end = std::min(stream.find('\n', at), stream.size());
          ASSERT_EQ(stream.compare(at, 5, "line "), 0) << stream.substr(at, 40);
          const size_t number = std::stoull(stream.substr(at + 5, 20));
          ASSERT_LT(number, seen.size());
          ++seen[number];
          at = end + 1;
        }
      }
    }
    int64_t lost = 0;
    int64_t doubled = 0;
    for (const int times : seen) {
      lost += times == 0 ? 1 : 0;
      doubled += times > 1 ? 1 : 0;
    }
    EXPECT_EQ(lost, 0) << "of " << written_;
    EXPECT_EQ(doubled, 0) << "of " << written_;
  }
  void report(const FollowReader& reader, std::chrono::steady_clock::time_point begin) const {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("%d rotations, %lld lines, %zu partitions in %.2f s\n", kRotations,
                static_cast<long long>(written_), reader.streams().size(), took.count());
  }

  ScratchFolder scratch_;
  std::string log_ = scratch_.path("app.log");
  Random random_{rotation_seed()};
  int64_t written_ = 0;
};

TEST_F(FileRotationTest, TenThousandRotationsByRenameLoseAndDoubleNothing) {
  FollowReader reader({log_});
  reader.settle();
  std::atomic<bool> done{false};
  const auto begin = std::chrono::steady_clock::now();
  std::thread writer([&] {
    for (int i = 0; i < kRotations; ++i) {
      std::ofstream file(log_, std::ios::binary | std::ios::app);
      file << next_lines(8) << std::flush;
      const bool renamed_first = random_() % 2 == 0;  // and written to afterwards, as before HUP
      if (!renamed_first) file << next_lines(4) << std::flush;
      std::filesystem::rename(log_, scratch_.path("app.log." + std::to_string(i)));
      if (renamed_first && i + 200 > kRotations) file << next_lines(4) << std::flush;
    }
    done = true;
  });
  while (!done) reader.step();
  writer.join();
  reader.settle();
  reader.settle();
  report(reader, begin);
  EXPECT_EQ(reader.harness().metric("file_watch_overflows"), 0);
  EXPECT_EQ(reader.harness().metric("file_read_errors"), 0);
  expect_each_line_once(reader);
}

// The writer truncates once everything was read: what nobody can promise is that lines that were
// not read survive a truncation.
TEST_F(FileRotationTest, TenThousandTruncationsLoseAndDoubleNothingThatWasReadBefore) {
  FollowReader reader({log_});
  reader.settle();
  std::atomic<bool> done{false};
  std::atomic<size_t> bytes_written{0};
  std::atomic<size_t> bytes_read{0};
  const auto begin = std::chrono::steady_clock::now();
  std::thread writer([&] {
    std::ofstream file(log_, std::ios::binary | std::ios::app);
    for (int i = 0; i < kRotations; ++i) {
      for (uint64_t n = 1 + random_() % 3; n > 0; --n) {
        const std::string text = next_lines(4);
        file << text << std::flush;
        bytes_written += text.size();
      }
      while (bytes_read < bytes_written) std::this_thread::yield();
      std::filesystem::resize_file(log_, 0);
    }
    done = true;
  });
  const auto read = [&reader] {
    return static_cast<size_t>(reader.harness().metric("source_bytes_read"));
  };
  while (!done) {
    reader.step();
    bytes_read = read();
  }
  writer.join();
  reader.settle();
  report(reader, begin);
  expect_each_line_once(reader);
}

// Beyond one file: several, renamed and truncated by turns, with fewer descriptors than files.
TEST_F(FileRotationTest, ManyFilesAtOnceWithFewDescriptors) {
  constexpr int kFiles = 20;
  FollowReader reader({scratch_.path("*.log")}, {{"max_open_files", 8}});
  reader.settle();
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < 2'000; ++i) {
      const std::string path = scratch_.path(std::to_string(random_() % kFiles) + ".log");
      std::ofstream(path, std::ios::binary | std::ios::app) << next_lines(8);
      if (random_() % 4 == 0) std::filesystem::rename(path, path + "." + std::to_string(i));
    }
    done = true;
  });
  while (!done) reader.step();
  writer.join();
  reader.settle();
  reader.settle();
  EXPECT_LE(reader.harness().metric("files_open"), 8);
  EXPECT_EQ(reader.harness().metric("file_read_errors"), 0);
  expect_each_line_once(reader);
}

}  // namespace
}  // namespace flow::operators::file_rotation_test
