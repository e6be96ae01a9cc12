#include "core/graph/inbox.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "tests/core/graph/test_flow.hpp"

namespace flowrun::inbox_test {
namespace {

using graph_test::test_seed;
using Random = std::mt19937_64;

MessagePointer message(std::uint64_t number, Control control = Control::kNone,
                       std::int64_t value = 0, bool last = true) {
  auto made = std::make_shared<Message>();
  made->number = number;
  made->control = control;
  made->value = value;
  made->last = last;
  if (control == Control::kNone) made->batches.emplace_back();
  return made;
}

// What came out, as texts: "d<tag>" (a data message with its tag in `value`), "w", "b", "e".
struct Seen {
  std::vector<std::string> all;
  std::vector<std::uint64_t> numbers;
  void take(const MessagePointer& m) {
    constexpr const char* kLetters[] = {"d", "w", "b", "e"};
    all.push_back(kLetters[static_cast<int>(m->control)] +
                  (m->control == Control::kEnd ? "" : std::to_string(m->value)));
    numbers.push_back(m->number);
    EXPECT_TRUE(m->last);
  }
};

struct Fixture {
  explicit Fixture(std::size_t inputs)
      : inbox(inputs, [this](const MessagePointer& m) { seen.take(m); }) {}
  Seen seen;
  Inbox inbox;
};

using Texts = std::vector<std::string>;

TEST(InboxTest, PartsOfTheMessageThatIsDuePassAtOnceLaterOnesWait) {
  Fixture f(1);
  f.inbox.deliver(0, message(1, Control::kNone, 20, false));
  f.inbox.deliver(0, message(0, Control::kNone, 10, false));
  EXPECT_EQ(f.seen.all, Texts({"d10"}));
  f.inbox.deliver(0, message(0, Control::kNone, 11));
  EXPECT_EQ(f.seen.all, Texts({"d10", "d11", "d20"}));
  f.inbox.deliver(0, message(1, Control::kNone, 21, false));
  f.inbox.deliver(0, message(1, Control::kNone, 22));
  f.inbox.deliver(0, message(2, Control::kEnd));
  EXPECT_EQ(f.seen.all, Texts({"d10", "d11", "d20", "d21", "d22", "e"}));
  EXPECT_EQ(f.inbox.waiting(), 0u);
}

TEST(InboxTest, AWatermarkPassesOnceAllInputsHaveReachedIt) {
  Fixture f(2);
  f.inbox.deliver(0, message(0, Control::kWatermark, 10));
  EXPECT_TRUE(f.seen.all.empty());
  f.inbox.deliver(1, message(0, Control::kWatermark, 7));
  f.inbox.deliver(1, message(1, Control::kWatermark, 5));  // never back
  f.inbox.deliver(1, message(2, Control::kWatermark, 12));
  EXPECT_EQ(f.seen.all, Texts({"w7", "w10"}));
  f.inbox.deliver(0, message(1, Control::kEnd));
  EXPECT_EQ(f.seen.all, Texts({"w7", "w10", "w12"})) << "an ended input holds nothing back";
}

TEST(InboxTest, AnInputWaitsBehindItsBarrier) {
  Fixture f(3);
  f.inbox.deliver(0, message(0, Control::kBarrier, 1));
  f.inbox.deliver(0, message(1, Control::kNone, 1));
  f.inbox.deliver(1, message(0, Control::kNone, 2));
  f.inbox.deliver(1, message(1, Control::kBarrier, 1));
  EXPECT_EQ(f.seen.all, Texts({"d2"}));
  f.inbox.deliver(2, message(0, Control::kEnd));
  EXPECT_EQ(f.seen.all, Texts({"d2", "b1", "d1"}));
}

TEST(InboxTest, TheNextBarrierBehindABarrierPassesOnce) {
  Fixture f(2);
  f.inbox.deliver(0, message(0, Control::kBarrier, 1));
  f.inbox.deliver(0, message(1, Control::kNone, 1));
  f.inbox.deliver(0, message(2, Control::kBarrier, 2));
  f.inbox.deliver(0, message(3, Control::kNone, 2));
  f.inbox.deliver(1, message(0, Control::kBarrier, 1));
  EXPECT_EQ(f.seen.all, Texts({"b1", "d1"}));
  f.inbox.deliver(1, message(1, Control::kBarrier, 2));
  EXPECT_EQ(f.seen.all, Texts({"b1", "d1", "b2", "d2"}));
}

TEST(InboxTest, AnInputThatMissedAnAbandonedBarrierComesToTheNext) {
  Fixture f(2);
  f.inbox.deliver(0, message(0, Control::kBarrier, 1));
  f.inbox.deliver(1, message(0, Control::kBarrier, 2));
  f.inbox.deliver(1, message(1, Control::kNone, 9));
  EXPECT_EQ(f.seen.all, Texts({"b1"}));
  f.inbox.deliver(0, message(1, Control::kBarrier, 2));
  EXPECT_EQ(f.seen.all, Texts({"b1", "b2", "d9"}));
}

TEST(InboxTest, MessageThatSaysNothingEndsHere) {
  Fixture f(1);
  SourcePartitions partitions("s");
  partitions.open("p");
  const auto empty = [&](std::uint64_t number, const OpenPartitionsPointer& open) {
    MessagePointer made = message(number, Control::kNone, static_cast<std::int64_t>(number));
    made->batches.clear();
    made->open = open;
    return made;
  };
  const OpenPartitionsPointer first = partitions.current();
  f.inbox.deliver(0, empty(0, nullptr));
  f.inbox.deliver(0, empty(1, first));
  f.inbox.deliver(0, empty(2, first));
  partitions.close("p");
  f.inbox.deliver(0, empty(3, partitions.current()));
  f.inbox.deliver(0, message(4, Control::kNone, 4));
  EXPECT_EQ(f.seen.all, Texts({"d1", "d3", "d4"}));
  EXPECT_EQ(f.seen.numbers, (std::vector<std::uint64_t>{0, 1, 2}));
}

TEST(InboxTest, WatermarksOfAnInputWithoutThemDoNotPass) {
  Fixture f(2);
  f.inbox.expect(0, {"a"}, false);
  f.inbox.expect(1, {"b"}, true);
  f.inbox.deliver(0, message(0, Control::kWatermark, 5));
  const MessagePointer with_rows = message(1, Control::kWatermark, 6);
  with_rows->batches.emplace_back();
  f.inbox.deliver(0, with_rows);
  f.inbox.deliver(1, message(0, Control::kWatermark, 10));
  EXPECT_EQ(f.seen.all, Texts({"d6", "w10"})) << "nobody waits for the first input";
}

// One producer's stream, and what may be said about it afterwards.
struct Stream {
  std::vector<MessagePointer> messages;  // in order, parts one after the other
};

Stream random_stream(Random& random, std::size_t input, std::int64_t barriers) {
  Stream stream;
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  std::uint64_t number = 0;
  std::int64_t watermark = 0;
  std::int64_t tag = 0;
  std::int64_t barrier = 0;
  const std::int64_t stop_at = below(3) == 0 ? below(static_cast<std::uint64_t>(barriers) + 1)
                                             : barriers;  // some inputs end early
  while (barrier < stop_at || below(4) != 0) {
    switch (below(6)) {
      case 0:
        watermark += below(20);
        stream.messages.push_back(message(number++, Control::kWatermark, watermark));
        break;
      case 1:
        if (barrier == stop_at) break;
        stream.messages.push_back(message(number++, Control::kBarrier, ++barrier));
        break;
      default:
        for (std::int64_t parts = below(3); parts >= 0; --parts) {
          stream.messages.push_back(message(number, Control::kNone,
                                            static_cast<std::int64_t>(input) * 1'000'000 + tag++,
                                            parts == 0));
        }
        ++number;
    }
  }
  stream.messages.push_back(message(number, Control::kEnd));
  return stream;
}

// What one input's messages look like without their numbers.
struct Copy {
  Control control;
  std::int64_t value;
};

void check(const std::vector<std::vector<Copy>>& sent, const std::vector<Copy>& seen) {
  std::vector<std::size_t> at(sent.size(), 0);
  std::vector<std::int64_t> watermark(sent.size(), INT64_MIN);
  std::int64_t last_watermark = INT64_MIN;
  std::int64_t last_barrier = 0;
  std::int64_t data = 0;
  // Control messages of an input up to its next data, watermarks counted.
  const auto skip_control = [&](std::size_t input) {
    while (at[input] < sent[input].size()) {
      const Copy& next = sent[input][at[input]];
      if (next.control == Control::kNone || next.control == Control::kEnd) return;
      if (next.control == Control::kBarrier && next.value > last_barrier) return;
      if (next.control == Control::kWatermark) watermark[input] = next.value;
      ++at[input];
    }
  };
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const Copy& copy = seen[i];
    for (std::size_t input = 0; input < sent.size(); ++input) skip_control(input);
    if (copy.control == Control::kNone) {
      ++data;
      const auto input = static_cast<std::size_t>(copy.value / 1'000'000);
      ASSERT_LT(at[input], sent[input].size());
      ASSERT_EQ(sent[input][at[input]].control, Control::kNone)
          << "message " << i << " came before a barrier of its input";
      ASSERT_EQ(sent[input][at[input]].value, copy.value) << "out of order, message " << i;
      ++at[input];
    } else if (copy.control == Control::kBarrier) {
      ASSERT_EQ(copy.value, last_barrier + 1);
      for (std::size_t input = 0; input < sent.size(); ++input) {
        ASSERT_LT(at[input], sent[input].size());
        const Copy& next = sent[input][at[input]];
        ASSERT_TRUE(next.control == Control::kEnd ||
                    (next.control == Control::kBarrier && next.value == copy.value))
            << "input " << input << " was not there at barrier " << copy.value;
      }
      last_barrier = copy.value;
    } else if (copy.control == Control::kWatermark) {
      ASSERT_GT(copy.value, last_watermark);
      last_watermark = copy.value;
      for (std::size_t input = 0; input < sent.size(); ++input) {
        const bool ended = at[input] == sent[input].size() - 1;
        ASSERT_TRUE(ended || watermark[input] >= copy.value)
            << "input " << input << " had not risen to " << copy.value;
      }
    } else {
      ASSERT_EQ(i, seen.size() - 1) << "something came behind the end";
      for (std::size_t input = 0; input < sent.size(); ++input) {
        ASSERT_EQ(at[input], sent[input].size() - 1) << "input " << input;
      }
    }
  }
  ASSERT_FALSE(seen.empty());
  ASSERT_EQ(seen.back().control, Control::kEnd);
  std::int64_t all = 0;
  for (const auto& input : sent) {
    all += std::count_if(input.begin(), input.end(),
                         [](const Copy& copy) { return copy.control == Control::kNone; });
  }
  ASSERT_EQ(data, all);
}

TEST(InboxTest, AnyArrivalKeepsOrderAlignsBarriersAndWaitsForTheEnds) {
  const std::uint64_t seed = test_seed("inbox");
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  for (std::uint64_t round = 0; std::chrono::steady_clock::now() < until; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(round));
    Random random(seed + round);
    const std::size_t inputs = 1 + random() % 4;
    const auto barriers = static_cast<std::int64_t>(random() % 5);
    std::vector<std::vector<Copy>> sent(inputs);
    // Threads that deliver: each input's messages are shared out among several producers, each of
    // which keeps its own order, as the instances of a chain do.
    std::vector<std::vector<std::pair<std::size_t, MessagePointer>>> producers;
    for (std::size_t input = 0; input < inputs; ++input) {
      const Stream stream = random_stream(random, input, barriers);
      const std::size_t first = producers.size();
      const std::size_t n = 1 + random() % 3;
      producers.resize(first + n);
      std::size_t producer = first;
      bool begin = true;
      for (const MessagePointer& m : stream.messages) {
        sent[input].push_back({m->control, m->value});
        if (begin) producer = first + random() % n;
        producers[producer].emplace_back(input, m);
        begin = m->last;
      }
    }
    std::vector<Copy> seen;
    std::vector<std::uint64_t> numbers;
    Inbox inbox(inputs, [&](const MessagePointer& m) {
      seen.push_back({m->control, m->value});
      numbers.push_back(m->number);
    });
    if (round % 4 == 0) {
      std::vector<std::thread> threads;
      threads.reserve(producers.size());
      for (const auto& producer : producers) {
        threads.emplace_back([&inbox, &producer] {
          for (const auto& [input, m] : producer) inbox.deliver(input, m);
        });
      }
      for (std::thread& thread : threads) thread.join();
    } else {
      std::vector<std::size_t> at(producers.size(), 0);
      std::vector<std::size_t> open;
      for (std::size_t i = 0; i < producers.size(); ++i) {
        if (!producers[i].empty()) open.push_back(i);
      }
      while (!open.empty()) {
        const std::size_t which = random() % open.size();
        const std::size_t producer = open[which];
        const auto& [input, m] = producers[producer][at[producer]];
        inbox.deliver(input, m);
        if (++at[producer] == producers[producer].size()) {
          open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
        }
      }
    }
    EXPECT_EQ(inbox.waiting(), 0u);
    for (std::size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], i);
    check(sent, seen);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace flowrun::inbox_test
