#include "core/graph/timers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "flow/host/key_hash.hpp"
#include "tests/core/graph/test_flow.hpp"

namespace flowrun::timers_test {
namespace {

using graph_test::test_seed;

struct Fixture {
  void set(std::int64_t time, const std::string& key, flow_time kind = FLOW_EVENT_TIME) {
    const flow_key whose{.size = sizeof(flow_key),
                         .length = static_cast<std::uint32_t>(key.size()),
                         .hash = flow::host::hash_bytes(key),
                         .bytes = key.data()};
    timers.set(kind, time, &whose);
  }
  // "time: key key", one text a call.
  std::vector<std::string> fire(std::int64_t until, flow_time kind = FLOW_EVENT_TIME) {
    std::vector<std::string> calls;
    while (timers.begin(kind, until)) {
      std::string call = std::to_string(timers.due().nanoseconds) + ":";
      for (const flow_key* key : timers.due().keys) {
        call.append(" ").append(static_cast<const char*>(key->bytes), key->length);
      }
      calls.push_back(call);
      timers.done();
    }
    return calls;
  }
  flow::host::MemoryAccount account;
  Timers timers{account};
};
using Calls = std::vector<std::string>;

TEST(TimersTest, FireOnceInOrderOfTimeAndKey) {
  Fixture f;
  f.set(20, "b");
  f.set(10, "z");
  f.set(20, "a");
  f.set(20, "b");
  f.set(30, "later");
  f.set(20, "clock", FLOW_PROCESSING_TIME);
  EXPECT_EQ(f.timers.size(), 5U);
  EXPECT_EQ(f.timers.next(FLOW_EVENT_TIME), 10);
  EXPECT_EQ(f.fire(20), (Calls{"10: z", "20: a b"}));
  EXPECT_EQ(f.fire(20), Calls{});
  EXPECT_EQ(f.fire(INT64_MAX, FLOW_PROCESSING_TIME), (Calls{"20: clock"}));
  EXPECT_EQ(f.fire(INT64_MAX), (Calls{"30: later"}));
  EXPECT_EQ(f.timers.next(FLOW_EVENT_TIME), INT64_MAX);
}

TEST(TimersTest, WhatFiresMayBeSetForAnotherTimeButNotAgain) {
  Fixture f;
  f.set(10, "a");
  ASSERT_TRUE(f.timers.begin(FLOW_EVENT_TIME, 10));
  ASSERT_TRUE(f.timers.begin(FLOW_EVENT_TIME, 10));  // the same call again
  f.set(10, "a");
  f.set(5, "a");
  f.timers.done();
  EXPECT_EQ(f.fire(10), (Calls{"5: a"}));
}

TEST(TimersTest, ManyKeysOfOneTimeComeInSeveralCalls) {
  Fixture f;
  const std::size_t keys = Timers::kMostKeys * 2 + 1;
  for (std::size_t i = 0; i < keys; ++i) f.set(7, std::to_string(i));
  std::size_t seen = 0;
  std::string last;
  while (f.timers.begin(FLOW_EVENT_TIME, 7)) {
    for (const flow_key* key : f.timers.due().keys) {
      const std::string bytes(static_cast<const char*>(key->bytes), key->length);
      EXPECT_LT(last, bytes);
      last = bytes;
      ++seen;
    }
    f.timers.done();
  }
  EXPECT_EQ(seen, keys);
}

TEST(TimersTest, EndLetsWhatFiresSetAnotherOnlySoOften) {
  Fixture f;
  f.timers.end();
  f.set(1, "a");
  int calls = 0;
  while (f.timers.begin(FLOW_EVENT_TIME, INT64_MAX)) {
    f.set(f.timers.due().nanoseconds + 1, "a");
    f.timers.done();
    ++calls;
  }
  EXPECT_EQ(calls, 1 + Timers::kMostRounds);
  EXPECT_EQ(f.timers.discarded(), 1U);
}

TEST(TimersTest, RandomTimersAreThoseOfASetAndSurviveSaving) {
  std::mt19937_64 random(test_seed("timers"));
  for (int round = 0; round < 20; ++round) {
    auto fixture = std::make_unique<Fixture>();
    std::set<std::pair<std::int64_t, std::string>> pending;
    for (int step = 0; step < 2000; ++step) {
      const auto time = static_cast<std::int64_t>(random() % 500);
      const std::string key(random() % 4 == 0 ? 100 : 5, static_cast<char>('a' + random() % 20));
      if (random() % 100 == 0) {
        const Calls calls = fixture->fire(time);
        std::map<std::int64_t, std::string> expected;
        while (!pending.empty() && pending.begin()->first <= time) {
          expected[pending.begin()->first].append(" ").append(pending.begin()->second);
          pending.erase(pending.begin());
        }
        Calls wanted;
        for (const auto& [at, keys] : expected) wanted.push_back(std::to_string(at) + ":" + keys);
        ASSERT_EQ(calls, wanted);
      } else if (random() % 200 == 0) {
        const auto saved = fixture->timers.save();
        fixture = std::make_unique<Fixture>();
        for (const std::string& group : saved) fixture->timers.load(group);
      } else {
        fixture->set(time, key);
        pending.emplace(time, key);
      }
      ASSERT_EQ(fixture->timers.size(), pending.size());
    }
  }
}

TEST(TimersTest, DamagedBytesAreRefusedAndMemoryIsGivenBack) {
  flow::host::MemoryAccount account;
  {
    Timers timers(account);
    const std::string long_key(1000, 'k');
    const flow_key key{
        .size = sizeof(flow_key), .length = 1000, .hash = 1, .bytes = long_key.data()};
    timers.set(FLOW_EVENT_TIME, 1, &key);
    timers.set(FLOW_PROCESSING_TIME, 1, nullptr);
    EXPECT_GT(account.used(), 1000);
    const std::string saved = timers.save()[0];
    for (std::size_t cut = 1; cut < saved.size(); cut += 7) {
      Timers damaged(account);
      if (cut != 21 && cut != 1021) {
        EXPECT_THROW(damaged.load(saved.substr(0, cut)), std::runtime_error) << cut;
      }
    }
  }
  EXPECT_EQ(account.used(), 0);
}

}  // namespace
}  // namespace flowrun::timers_test
