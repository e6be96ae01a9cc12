#include "core/graph/framing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "tests/core/graph/test_flow.hpp"

namespace flowrun::framing_test {
namespace {

using graph_test::test_seed;
using Random = std::mt19937_64;

// Records end in a line feed.
std::int64_t frame_lines(flow_operator*, const void* bytes, std::int64_t length,
                         std::int32_t final) {
  if (final != 0 || length == 0) return length;
  const void* end = memrchr(bytes, '\n', static_cast<std::size_t>(length));
  return end == nullptr ? 0 : static_cast<const char*>(end) + 1 - static_cast<const char*>(bytes);
}

// Records begin with their length in one byte; one record at a time, so that what is held back may
// hold more than one.
std::int64_t frame_counted(flow_operator*, const void* bytes, std::int64_t length,
                           std::int32_t final) {
  if (final != 0 || length == 0) return length;
  const std::int64_t whole = 1 + *static_cast<const unsigned char*>(bytes);
  return whole <= length ? whole : 0;
}

// Lines, with the number of bytes found whole so far as the context.
struct CountingFramer {
  flow_operator abi{};
  std::int64_t whole = 0;
  std::string context;

  CountingFramer() {
    abi.self = this;
    abi.frame = [](flow_operator* op, const void* bytes, std::int64_t length, std::int32_t final) {
      const std::int64_t found = frame_lines(op, bytes, length, final);
      static_cast<CountingFramer*>(op->self)->whole += found;
      return found;
    };
    abi.extension = [](flow_operator*, const char* id) -> const void* {
      static const flow_stream_context kContext = {
          sizeof(flow_stream_context), 0,
          [](flow_operator* op, const void** bytes) {
            auto& self = *static_cast<CountingFramer*>(op->self);
            self.context = std::to_string(self.whole);
            *bytes = self.context.data();
            return static_cast<std::int64_t>(self.context.size());
          },
          nullptr};
      return std::string_view(id) == FLOW_EXTENSION_STREAM_CONTEXT ? &kContext : nullptr;
    };
  }
};

struct Joined {
  std::string bytes;
  std::vector<std::size_t> ends;  // of the runs
};

class FramingTest : public ::testing::Test {
 protected:
  // Cuts `stream` into pieces of 1 to `longest` bytes, and joins what comes out.
  Joined pass(std::int64_t (*frame)(flow_operator*, const void*, std::int64_t, std::int32_t),
              const std::string& stream, Random& random, std::size_t longest) {
    flow_operator framer{};
    framer.frame = frame;
    Joined joined;
    {
      Framing framing(&framer, account_);
      std::vector<Framing::Run> runs;
      const auto take = [&](std::string_view piece) {
        for (const Framing::Run& run : runs) {
          const std::string_view bytes = run.piece.empty() ? std::string_view(run.text) : run.piece;
          EXPECT_FALSE(bytes.empty());
          EXPECT_EQ(run.position, static_cast<std::int64_t>(joined.bytes.size()))
              << "a run's position is that of its first byte";
          if (!run.piece.empty()) {
            EXPECT_TRUE(run.piece.data() >= piece.data() &&
                        run.piece.data() + run.piece.size() <= piece.data() + piece.size())
                << "a view of something else";
          }
          joined.bytes += bytes;
          joined.ends.push_back(joined.bytes.size());
        }
        runs.clear();
      };
      for (std::size_t at = 0; at < stream.size();) {
        const std::size_t n = std::min(1 + random() % longest, stream.size() - at);
        const std::string piece = stream.substr(at, n);  // gone afterwards, as in a source
        framing.add(piece, static_cast<std::int64_t>(at), runs);
        take(piece);
        at += n;
      }
      framing.finish(runs);
      take({});
      framing.finish(runs);
      EXPECT_TRUE(runs.empty()) << "nothing comes twice";
      EXPECT_EQ(account_.used(), 0) << "nothing is held back after the end";
    }
    EXPECT_EQ(account_.used(), 0);
    return joined;
  }

  flow::host::MemoryAccount account_;
};

TEST_F(FramingTest, AnyCutOfLinesGivesTheSameBytesInWholeLines) {
  const std::uint64_t seed = test_seed("framing");
  for (std::uint64_t round = 0; round < 300; ++round) {
    SCOPED_TRACE("FLOWRUN_TEST_SEED=" + std::to_string(seed) + " round " + std::to_string(round));
    Random random(seed + round);
    std::string stream;
    for (std::uint64_t n = random() % 200; n > 0; --n) {
      const std::uint64_t length = random() % 20 == 0 ? random() % 40'000 : random() % 100;
      for (std::uint64_t i = 0; i < length; ++i) stream += static_cast<char>('a' + i % 26);
      if (n > 1 || round % 2 == 0) stream += '\n';
    }
    const Joined joined = pass(frame_lines, stream, random, 1 + random() % 30'000);
    ASSERT_EQ(joined.bytes, stream);
    for (const std::size_t end : joined.ends) {
      ASSERT_TRUE(end == stream.size() || stream[end - 1] == '\n') << "cut at " << end;
    }
  }
}

TEST_F(FramingTest, AnyCutOfCountedRecordsGivesTheSameBytesInWholeRecords) {
  const std::uint64_t seed = test_seed("framing");
  for (std::uint64_t round = 0; round < 300; ++round) {
    SCOPED_TRACE("FLOWRUN_TEST_SEED=" + std::to_string(seed) + " round " + std::to_string(round));
    Random random(seed + round);
    std::string stream;
    std::vector<std::size_t> ends;
    for (std::uint64_t n = random() % 300; n > 0; --n) {
      const auto length = static_cast<std::size_t>(random() % 256);
      stream += static_cast<char>(length);
      stream += std::string(length, static_cast<char>(random() % 256));
      ends.push_back(stream.size());
    }
    const Joined joined = pass(frame_counted, stream, random, 1 + random() % 2'000);
    ASSERT_EQ(joined.bytes, stream);
    for (const std::size_t end : joined.ends) {
      ASSERT_TRUE(std::binary_search(ends.begin(), ends.end(), end)) << "cut at " << end;
    }
  }
}

TEST_F(FramingTest, RunsCarryTheContextOfTheirBeginning) {
  CountingFramer framer;
  Framing framing(&framer.abi, account_);
  ASSERT_TRUE(framing.has_context());
  std::vector<Framing::Run> runs;
  framing.add("one\ntwo\nth", 0, runs);
  framing.add("ree\nfour\nfi", 10, runs);
  framing.add("ve", 21, runs);
  framing.finish(runs);
  ASSERT_GE(runs.size(), 3U);
  for (const Framing::Run& run : runs) EXPECT_EQ(run.context, std::to_string(run.position));
}

TEST_F(FramingTest, WhatIsHeldBackIsCharged) {
  flow_operator framer{};
  framer.frame = frame_lines;
  Framing framing(&framer, account_);
  std::vector<Framing::Run> runs;
  for (int i = 0; i < 64; ++i) framing.add(std::string(1 << 20, 'x'), i << 20, runs);
  EXPECT_TRUE(runs.empty());
  EXPECT_GE(account_.used(), 64 << 20);
  EXPECT_LE(account_.used(), 130 << 20);
  framing.add("\nnext", 64 << 20, runs);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].position, 0);
  EXPECT_EQ(runs[0].text.size(), (64u << 20) + 1);
  EXPECT_LT(account_.used(), 1 << 20) << "the capacity of a line that is gone is given back";
}

}  // namespace
}  // namespace flowrun::framing_test
