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

// A model that has seen which item follows which guesses far more than one that knows what is
// popular: learned on the first half, asked on the second.
TEST(GenerateClicks, WhatFollowsAnItemCanBeLearned) {
  const std::vector<Click> made = clicks(kMany);
  std::map<int64_t, int32_t> last;
  std::map<int32_t, std::map<int32_t, int64_t>> follows;
  std::map<int32_t, int64_t> popular;
  int64_t asked = 0;
  int64_t hits = 0;
  int64_t popular_hits = 0;
  std::vector<std::pair<int64_t, int32_t>> top;
  const auto best = [](const std::map<int32_t, int64_t>& counts) {
    std::vector<std::pair<int64_t, int32_t>> ranked;
    for (const auto& [item, count] : counts) ranked.emplace_back(-count, item);
    std::sort(ranked.begin(), ranked.end());
    if (ranked.size() > 5) ranked.resize(5);
    return ranked;
  };
  for (size_t row = 0; row < made.size(); ++row) {
    const Click& click = made[row];
    if (row == made.size() / 2) top = best(popular);
    if (click.event != Event::kView) continue;
    const auto found = last.find(click.session);
    const bool learning = row < made.size() / 2;
    if (found != last.end() && learning) ++follows[found->second][click.item];
    if (found != last.end() && !learning) {
      ++asked;
      for (const auto& [count, item] : best(follows[found->second])) hits += item == click.item;
      for (const auto& [count, item] : top) popular_hits += item == click.item;
    }
    if (learning) ++popular[click.item];
    last[click.session] = click.item;
  }
  ASSERT_GT(asked, 10'000);
  EXPECT_GT(hits, asked / 3) << "of " << asked;
  EXPECT_LT(popular_hits, asked / 5) << "of " << asked;
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
    ASSERT_EQ(table["user"][row].text().size(), 7U);
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

}  // namespace
}  // namespace flow::operators::generate_clicks_test
