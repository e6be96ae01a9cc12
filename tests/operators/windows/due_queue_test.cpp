#include "operators/windows/due_queue.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>

namespace flow::operators::due_queue_test {
namespace {

struct Due {
  int64_t time;
  int key;
  bool operator>(const Due& other) const {
    return time != other.time ? time > other.time : key > other.key;
  }
};

TEST(DueQueue, GivesLiveEntriesByTimeHoweverOftenTheyWereReplaced) {
  std::map<int, int64_t> planned;
  DueQueue<Due> queue;
  const auto is_live = [&](const Due& due) {
    const auto at = planned.find(due.key);
    return at != planned.end() && at->second == due.time;
  };
  std::mt19937 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const int key = static_cast<int>(random() % 3000);
    const auto time = static_cast<int64_t>(random() % 1'000'000);
    planned[key] = time;
    queue.push({time, key}, is_live);
    ASSERT_LE(queue.size(), 6001U);
  }
  int64_t last = 0;
  while (!queue.empty()) {
    const Due due = queue.top();
    queue.pop();
    EXPECT_GE(due.time, last);
    last = due.time;
    if (is_live(due)) planned.erase(due.key);
  }
  EXPECT_TRUE(planned.empty());
}

TEST(DueQueue, KeepsOneOfEqualEntries) {
  DueQueue<Due> queue;
  for (int i = 0; i < 100'000; ++i) queue.push({7, 1}, [](const Due&) { return true; });
  EXPECT_LE(queue.size(), 1024U);
  EXPECT_EQ(queue.top().time, 7);
}

}  // namespace
}  // namespace flow::operators::due_queue_test
