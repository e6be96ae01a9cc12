// What windows make of input that nobody wants: each row is in a result, late, or a dead letter.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "operators/windows/count_window.hpp"
#include "operators/windows/session.hpp"
#include "operators/windows/sliding.hpp"
#include "operators/windows/tumbling.hpp"
#include "tests/operators/windows/window_harness.hpp"

namespace flow::operators::bad_input_test {
namespace {

using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;
using Aggregates = std::vector<std::pair<std::string, std::string>>;

constexpr int64_t kIn2100 = 4'102'444'800;  // seconds

struct Kind {
  std::string name;
  std::function<Harness(const Aggregates&, const Settings&)> make;
};
// Windows that a lone row is in one of.
std::vector<Kind> kinds() {
  return {{"tumbling",
           [](const Aggregates& calls, const Settings& more) {
             return windows<Tumbling>(calls, more, {{"size", "10s"}});
           }},
          {"sliding",
           [](const Aggregates& calls, const Settings& more) {
             return windows<Sliding>(calls, more, {{"size", "10s"}, {"slide", "10s"}});
           }},
          {"session",
           [](const Aggregates& calls, const Settings& more) {
             return windows<Session>(calls, more, {{"gap", "10s"}});
           }},
          {"count_window", [](const Aggregates& calls, const Settings& more) {
             return windows<CountWindow>(calls, more, {{"count", 1000}});
           }}};
}
// Those that go by time.
std::vector<Kind> timed_kinds() {
  std::vector<Kind> kinds = bad_input_test::kinds();
  kinds.pop_back();
  return kinds;
}

TEST(WindowsBadInput, NullIsAKeyLikeOthers) {
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    auto harness = kind.make({{"n", "count()"}}, {});
    push_timed(harness, {{"k", {"a", nullptr, "a", nullptr, nullptr}}}, {1, 2, 3, 4, 5}, -1);
    harness.advance(INT64_MAX);
    const Table table = sorted(harness.pull(), "k");
    EXPECT_EQ(table["k"], (Cells{nullptr, "a"}));
    EXPECT_EQ(table["n"], (Cells{3, 2}));
  }
}

TEST(WindowsBadInput, NanIsNoValueAndInfinityIsOne) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    auto harness = kind.make({{"n", "count()"}, {"low", "min(v)"}, {"high", "max(v)"}}, {});
    push_timed(harness,
               {{"k", {"a", "a", "a", "b"}},
                {"v",
                 {1.5, std::numeric_limits<double>::quiet_NaN(), infinity,
                  std::numeric_limits<double>::quiet_NaN()}}},
               {1, 2, 3, 4}, -1);
    harness.advance(INT64_MAX);
    const Table table = sorted(harness.pull(), "k");
    EXPECT_EQ(table["n"], (Cells{3, 1}));
    EXPECT_EQ(table["low"], (Cells{1.5, nullptr}));
    EXPECT_EQ(table["high"], (Cells{infinity, nullptr}));
  }
}

TEST(WindowsBadInput, RowsThatComeTwiceCountTwiceAndTheirOrderDoesNotMatter) {
  for (const Kind& kind : timed_kinds()) {
    SCOPED_TRACE(kind.name);
    const auto results = [&](const std::vector<int64_t>& times) {
      auto harness = kind.make({{"n", "count()"}}, {});
      push_timed(harness, {{"k", Cells(times.size(), "a")}}, times, -1);
      harness.advance(INT64_MAX);
      return harness.pull();
    };
    const Table in_order = results({1, 1, 5, 9, 30, 30, 31});
    const Table shuffled = results({30, 9, 1, 31, 5, 30, 1});
    EXPECT_EQ(in_order["n"], (Cells{4, 3}));
    for (const char* column : {"window_start", "window_end", "n"}) {
      EXPECT_EQ(shuffled[column], in_order[column]) << column;
    }
  }
}

// Between the two lie four billion windows of a second.
TEST(WindowsBadInput, TimesFrom1970And2100MakeTheirWindowsAndNoneBetween) {
  for (const Settings& more :
       {Settings{{"size", "1s"}}, Settings{{"size", "1s"}, {"emit", "updates"}, {"every", "1s"}}}) {
    auto tumbling = windows<Tumbling>({{"n", "count()"}}, more, {});
    push_timed(tumbling, {{"k", {"a", "a"}}}, {0, kIn2100}, -1);
    tumbling.advance(0);
    const auto updates = static_cast<int64_t>(more.size() > 1 ? 2 : 0);
    EXPECT_EQ(tumbling.pull().rows(), updates);
    tumbling.advance(INT64_MAX);
    EXPECT_EQ(tumbling.pull()["window_end"], (Cells{kSecond, (kIn2100 + 1) * kSecond}));
  }
  for (const Settings& more : {Settings{}, Settings{{"emit", "updates"}, {"every", "1s"}}}) {
    auto sliding = windows<Sliding>({{"n", "count()"}}, more, {{"size", "5s"}, {"slide", "1s"}});
    push_timed(sliding, {{"k", {"a", "a"}}}, {0, kIn2100}, -1);
    sliding.advance(0);
    EXPECT_EQ(sliding.pull().rows(), more.empty() ? 0 : 10);
    sliding.advance(INT64_MAX);
    EXPECT_EQ(sliding.pull()["n"], Cells(10, 1));
  }
  auto session = windows<Session>({{"n", "count()"}}, {}, {{"gap", "1s"}});
  push_timed(session, {{"k", {"a", "a"}}}, {0, kIn2100}, -1);
  session.advance(INT64_MAX);
  EXPECT_EQ(session.pull()["window_end"], (Cells{kSecond, (kIn2100 + 1) * kSecond}));
}

TEST(WindowsBadInput, ImpossibleTimesAndLongKeysFailOneByOne) {
  const Table table{{"k", {"a", "b", std::string(70'000, 'x'), "c"}}};
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    const bool timed = kind.name != "count_window";
    auto harness = kind.make({{"n", "count()"}}, {});
    harness.push(harness.timed(harness.batch(table), {INT64_MIN, INT64_MAX, 0, 0},
                               std::vector<int64_t>(4, INT64_MIN)));
    ASSERT_EQ(harness.failed().size(), timed ? 3U : 1U);
    EXPECT_EQ(harness.failed().front().reason, timed ? "bad_time" : "key_too_long");
    EXPECT_EQ(harness.failed().back().reason, "key_too_long");
    EXPECT_EQ(harness.host().absorbed, timed ? 1 : 3);
  }
}

TEST(WindowsBadInput, StateLimitFailsRowsAndKeepsWhatIsThere) {
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    auto harness = kind.make({{"n", "count()"}}, {});
    harness.host().state_limit = 12 << 20;
    Cells keys;
    for (int i = 0; i < 100'000; ++i) {
      keys.emplace_back("a key of some length, number " + std::to_string(i));
    }
    push_timed(harness, {{"k", keys}}, std::vector<int64_t>(keys.size(), 1), -1);
    ASSERT_FALSE(harness.failed().empty());
    for (const auto& failure : harness.failed()) ASSERT_EQ(failure.reason, "state_limit");
    EXPECT_EQ(harness.host().absorbed + static_cast<int64_t>(harness.failed().size()), 100'000);
    EXPECT_LE(harness.host().state().bytes(), harness.host().state_limit);
    harness.advance(INT64_MAX);
    EXPECT_EQ(harness.pull().rows(), harness.host().absorbed);
  }
}

TEST(WindowsBadInput, MillionNewKeysAtOnceAreBoundedAndCounted) {
  constexpr int64_t kKeys = 1'000'000;
  constexpr int64_t kMost = 12'800;
  constexpr int64_t kBatch = 4'000;
  for (const Kind& kind : kinds()) {
    if (kind.name == "sliding" || kind.name == "count_window") continue;  // as the others
    SCOPED_TRACE(kind.name);
    auto harness = kind.make({{"n", "count()"}}, {{"max_keys", kMost}});
    for (int64_t first = 0; first < kKeys; first += kBatch) {
      Cells keys;
      for (int64_t i = first; i < first + kBatch; ++i) keys.emplace_back(i);
      push_timed(harness, {{"k", keys}}, std::vector<int64_t>(keys.size(), 1), -1);
    }
    EXPECT_EQ(harness.host().absorbed, kMost);
    ASSERT_EQ(harness.failed().size(), static_cast<size_t>(kKeys - kMost));
    EXPECT_EQ(harness.failed().front().reason, "too_many_keys");
    EXPECT_EQ(harness.failed().back().reason, "too_many_keys");
    EXPECT_LT(harness.host().state().bytes(), 32 << 20);
  }
}

TEST(WindowsBadInput, ClockThatIsSetBackLosesNoRow) {
  for (const Kind& kind : timed_kinds()) {
    SCOPED_TRACE(kind.name);
    auto harness = kind.make({{"n", "count()"}}, {{"time", "processing"}});
    harness.set_clock(1'000 * kSecond);
    harness.push({{"k", {"a"}}});
    harness.fire_due(FLOW_PROCESSING_TIME, 1'010 * kSecond);
    EXPECT_EQ(harness.pull()["n"], (Cells{1}));
    harness.set_clock(500 * kSecond);
    harness.push({{"k", {"a", "b"}}});
    harness.advance(INT64_MAX);
    const int64_t told = harness.pull().rows();
    EXPECT_EQ(told + harness.host().late_rows, 2);
    EXPECT_EQ(told, kind.name == "session" ? 2 : 0) << "windows that have been told are over";
  }
}

}  // namespace
}  // namespace flow::operators::bad_input_test
