#include "operators/sources/generate_clicks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/sources/generate.hpp"

namespace flow::operators::generate_clicks_test {
namespace {

using flow::testing::Harness;
using flow::testing::Table;
using Click = ClickStream::Click;
using Event = ClickStream::Event;

std::vector<Click> clicks(int64_t n) {
  ClickStream stream(7);
  std::vector<Click> made;
  for (int64_t row = 0; row < n; ++row) made.push_back(stream.click(row));
  return made;
}

constexpr int64_t kMany = 400'000;

TEST(GenerateClicks, RowIsAFunctionOfItsNumber) {
  const std::vector<Click> made = clicks(kMany);
  ClickStream other(7);
  for (const int64_t row : {399'999, 0, 5, 300'000, 299'999, 131'072, 131'071, 7, 399'998}) {
    const Click click = other.click(row);
    const Click& expected = made[static_cast<size_t>(row)];
    EXPECT_EQ(click.session, expected.session) << row;
    EXPECT_EQ(click.item, expected.item) << row;
    EXPECT_EQ(click.event, expected.event) << row;
    EXPECT_EQ(click.time, expected.time) << row;
  }
}

TEST(GenerateClicks, TimeDoesNotGoBack) {
  int64_t before = 0;
  for (const Click& click : clicks(20'000)) {
    ASSERT_GE(click.time, before);
    before = click.time;
  }
}

TEST(GenerateClicks, SessionIsOneUsersAndPurchasesAreOfWhatIsInTheCart) {
  struct Seen {
    int32_t user = 0;
    int64_t clicks = 0;
    std::set<int32_t> in_cart;
    std::set<int32_t> viewed;
  };
  std::map<int64_t, Seen> sessions;
  std::map<Event, int64_t> events;
  for (const Click& click : clicks(kMany)) {
    Seen& seen = sessions[click.session];
    if (seen.clicks++ == 0) seen.user = click.user;
    ASSERT_EQ(click.user, seen.user);
    ASSERT_LE(seen.clicks, 20);
    ++events[click.event];
    ASSERT_EQ(click.item < 0, click.event == Event::kSearch);
    if (click.event == Event::kView) seen.viewed.insert(click.item);
    if (click.event == Event::kCart) {
      ASSERT_TRUE(seen.viewed.contains(click.item));
      seen.in_cart.insert(click.item);
    }
    if (click.event == Event::kPurchase) {
      ASSERT_TRUE(seen.in_cart.contains(click.item));
    }
  }
  EXPECT_GT(events[Event::kView], kMany / 2);
  EXPECT_GT(events[Event::kSearch], kMany / 50);
  EXPECT_GT(events[Event::kCart], kMany / 50);
  EXPECT_GT(events[Event::kPurchase], kMany / 200);
  const double mean = static_cast<double>(kMany) / static_cast<double>(sessions.size());
  EXPECT_GT(mean, 3);
  EXPECT_LT(mean, 7);
}

// The twenty items with the highest counts, of equal ones the smallest.
std::vector<int32_t> top_20(const std::map<int32_t, int64_t>& counts) {
  std::vector<std::pair<int64_t, int32_t>> ranked;
  ranked.reserve(counts.size());
  for (const auto& [item, count] : counts) ranked.emplace_back(-count, item);
  const size_t n = std::min<size_t>(ranked.size(), 20);
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<int64_t>(n), ranked.end());
  std::vector<int32_t> items;
  for (size_t i = 0; i < n; ++i) items.push_back(ranked[i].second);
  return items;
}

// Each view is guessed before it is learned from, by what has followed the view before it in its
// session and by what is popular. Measured with seed 7: HR@20 0.562 against 0.116.
TEST(GenerateClicks, WhatFollowsAnItemCanBeLearned) {
  std::map<int64_t, int32_t> last;
  std::map<int32_t, std::map<int32_t, int64_t>> follows;
  std::map<int32_t, int64_t> popular;
  std::vector<int32_t> most_popular;
  double asked = 0;
  double hits = 0;
  double popular_hits = 0;
  int64_t row = 0;
  const auto has = [](const std::vector<int32_t>& items, int32_t item) {
    return std::find(items.begin(), items.end(), item) != items.end() ? 1 : 0;
  };
  for (const Click& click : clicks(kMany)) {
    if (++row % 1000 == 0) most_popular = top_20(popular);
    if (click.event != Event::kView) continue;
    if (const auto found = last.find(click.session); found != last.end()) {
      auto& counts = follows[found->second];
      ++asked;
      hits += has(top_20(counts), click.item);
      popular_hits += has(most_popular, click.item);
      ++counts[click.item];
    }
    ++popular[click.item];
    last[click.session] = click.item;
  }
  ASSERT_GT(asked, kMany / 2);
  RecordProperty("followers", std::to_string(hits / asked));
  RecordProperty("popular", std::to_string(popular_hits / asked));
  EXPECT_GT(hits / asked, 0.5);
  EXPECT_LT(popular_hits / asked, 0.25);
}

// What a gap of half an hour finds are the sessions that were made.
TEST(GenerateClicks, UserIsInOneSessionAtATimeAndPausesBetweenThem) {
  constexpr int64_t kMinute = 60'000'000'000;
  std::map<int32_t, Click> last;
  std::map<int32_t, int64_t> clicks_of;
  for (const Click& click : clicks(kMany)) {
    ++clicks_of[click.user];
    const auto [known, is_new] = last.emplace(click.user, click);
    if (is_new) continue;
    const int64_t pause = click.time - known->second.time;
    if (known->second.session == click.session) {
      ASSERT_LT(pause, 4 * kMinute);
    } else {
      ASSERT_GE(pause, 30 * kMinute);
    }
    known->second = click;
  }
  EXPECT_GT(clicks_of.size(), 50'000U);
}

TEST(GenerateClicks, ShareOfClicksAsksToBeErased) {
  ClickStream usual(7);
  ClickStream erasing(7, {.users = 100'000, .erase_share = 0.01});
  int64_t erasures = 0;
  for (int64_t row = 0; row < 50'000; ++row) {
    const Click click = erasing.click(row);
    const Click expected = usual.click(row);
    ASSERT_EQ(click.user, expected.user);
    if (click.event != Event::kErase) {
      ASSERT_EQ(click.item, expected.item);
      ASSERT_EQ(click.event, expected.event);
      continue;
    }
    ++erasures;
    ASSERT_EQ(click.item, -1);
    ASSERT_EQ(click.quantity, 0);
  }
  EXPECT_GT(erasures, 400);
  EXPECT_LT(erasures, 600);
}

TEST(GenerateClicks, WhatIsPopularFollowsZipfAndDrifts) {
  ClickStream stream(7);
  const auto top = [&stream](int64_t first) {
    std::map<int32_t, int64_t> counts;
    for (int64_t row = first; row < first + 100'000; ++row) {
      const Click click = stream.click(row);
      if (click.event == Event::kView) ++counts[click.item];
    }
    std::vector<std::pair<int64_t, int32_t>> ranked;
    ranked.reserve(counts.size());
    for (const auto& [item, count] : counts) ranked.emplace_back(-count, item);
    std::sort(ranked.begin(), ranked.end());
    EXPECT_GT(ranked.size(), 1000U);
    EXPECT_GT(-ranked[0].first, -20 * ranked[200].first / 4);
    std::set<int32_t> items;
    for (size_t i = 0; i < 50; ++i) items.insert(ranked[i].second);
    return items;
  };
  const auto common = [](const std::set<int32_t>& a, const std::set<int32_t>& b) {
    return std::count_if(a.begin(), a.end(), [&b](int32_t item) { return b.contains(item); });
  };
  const std::set<int32_t> now = top(0);
  EXPECT_GT(common(now, top(100'000)), 25);
  EXPECT_LT(common(now, top(50'000'000)), 15);
}

TEST(GenerateClicks, ColumnsAreAsThePageSays) {
  auto harness = Harness::of<Generate>({{"dataset", "clicks"}, {"rows", 5000}});
  harness.run();
  const Table table = harness.pull();
  ASSERT_EQ(table.columns.size(), 9U);
  std::map<int64_t, double> prices;
  for (size_t row = 0; row < 5000; ++row) {
    const std::string event = table["event"][row].text();
    const bool search = event == "search";
    ASSERT_EQ(table["item"][row].is_null(), search);
    ASSERT_EQ(table["price"][row].is_null(), search);
    ASSERT_EQ(table["query"][row].is_null(), !search);
    ASSERT_EQ(table["quantity"][row].is_null(), event != "cart" && event != "purchase");
    ASSERT_EQ(table["user"][row].text().size(), 8U);
    if (search) continue;
    const int64_t item = table["item"][row].integer();
    ASSERT_GE(item, 1);
    ASSERT_LE(item, 10'000);
    const double price = table["price"][row].number();
    ASSERT_GE(price, 5.0);
    ASSERT_LE(price, 500.0);
    ASSERT_EQ(prices.emplace(item, price).first->second, price);
  }
}

TEST(GenerateClicks, UsersAndSessionsAreAsTheOptionsSay) {
  for (const int64_t users : {1, 7, 3000, 65'536, 70'000}) {
    auto harness = Harness::of<Generate>({{"dataset", "clicks"},
                                          {"rows", 20'000},
                                          {"users", users},
                                          {"sessions", false},
                                          {"erase_share", 0.1}});
    harness.run();
    const std::vector<Batch> batches = harness.pull_batches();
    EXPECT_EQ(batches[0].find("user")->type, users <= 65'536 ? FLOW_CATEGORY : FLOW_TEXT);
    std::set<std::string> seen;
    int64_t erasures = 0;
    for (const Batch& batch : batches) {
      const Table table = flow::testing::read_table(batch);
      for (size_t row = 0; row < static_cast<size_t>(batch.rows()); ++row) {
        seen.insert(table["user"][row].text());
        ASSERT_TRUE(table["session"][row].is_null());
        if (table["event"][row].text() != "erase") continue;
        ++erasures;
        ASSERT_TRUE(table["item"][row].is_null() && table["category"][row].is_null());
      }
    }
    EXPECT_GT(erasures, 1500);
    EXPECT_LE(seen.size(), static_cast<size_t>(users));
    if (users <= 7) {
      EXPECT_EQ(seen.size(), static_cast<size_t>(users));
    }
  }
}

}  // namespace
}  // namespace flow::operators::generate_clicks_test
