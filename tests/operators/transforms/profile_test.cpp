#include "operators/transforms/profile.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::profile_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;
using Cells = std::vector<Cell>;
using Names = std::vector<std::string>;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNoWatermark = -1'000'000;

struct Click {
  Cell user;
  int64_t time;  // seconds
  Cell event;
  Cell item = nullptr;
  Cell category = nullptr;
  Cell price = nullptr;
  Cell quantity = nullptr;
  Cell session = nullptr;
  int64_t watermark = kNoWatermark;
};

Table table_of(const std::vector<Click>& clicks) {
  std::vector<Cells> cells(7);
  for (const Click& click : clicks) {
    const Cells row = {click.user,  click.event,    click.item,   click.category,
                       click.price, click.quantity, click.session};
    for (size_t i = 0; i < row.size(); ++i) cells[i].push_back(row[i]);
  }
  return {{"user", cells[0]},
          {"event", cells[1]},
          {"item", cells[2]},
          {"category", cells[3]},
          {"price", Type::float64(), cells[4]},
          {"quantity", Type::int64(), cells[5]},
          {"session", cells[6]}};
}
void push(Harness& harness, const std::vector<Click>& clicks) {
  std::vector<int64_t> times, watermarks;
  for (const Click& click : clicks) {
    times.push_back(click.time * kSecond);
    watermarks.push_back(click.watermark * kSecond);
  }
  harness.push(harness.timed(harness.batch(table_of(clicks)), times, watermarks));
}

Harness made(const Settings& settings = {}) { return Harness::of<Profile>(settings); }
Harness made_of_each_row(Settings settings = {}) {
  settings.emplace_back("every", "0s");
  return made(settings);
}

struct Any {
  char bytes[240];
};
uint64_t users_in_state(Harness& harness) {
  return KeyedTable<Any>(Host(harness.host().abi()), "users", 1).size();
}
// Whether the bytes stand anywhere in what a checkpoint would hold.
bool state_has(Harness& harness, const std::string& bytes) {
  harness.host().state().freeze();
  const host::StateStore::Copy copy = harness.host().state().frozen();
  return std::any_of(copy.pages.begin(), copy.pages.end(), [&](const auto& page) {
    return page.second.find(bytes) != std::string::npos;
  });
}

TEST(Profile, CountsAndAddsUpWhatAUserDoes) {
  auto harness = made();
  push(harness, {{"u1", 10, "view", 7, "lamp", 20.0, nullptr, "s1"},
                 {"u1", 12, "search", nullptr, "lamp", nullptr, nullptr, "s1"},
                 {"u2", 13, "view", 8, "rug", 50.0, nullptr, "s2"},
                 {"u1", 14, "cart", 7, "lamp", 20.0, 2, "s1"},
                 {"u1", 15, "purchase", 7, "lamp", 20.0, 2, "s1"},
                 {"u1", 90, "view", 9, "rug", 5.0, nullptr, "s3"},
                 {"u1", 91, "purchase", 9, "rug", 5.0, nullptr, "s3"}});
  EXPECT_EQ(harness.pull().rows(), 0);
  harness.advance(INT64_MAX);
  const Table table = harness.pull();
  EXPECT_EQ(table["user"], (Cells{"u1", "u2"}));
  EXPECT_EQ(table["erase"], (Cells{false, false}));
  EXPECT_EQ(table["time"], (Cells{91 * kSecond, 13 * kSecond}));
  EXPECT_EQ(table["first_seen"], (Cells{10 * kSecond, 13 * kSecond}));
  EXPECT_EQ(table["last_seen"], table["time"]);
  EXPECT_EQ(table["events"], (Cells{6, 1}));
  EXPECT_EQ(table["sessions"], (Cells{2, 1}));
  EXPECT_EQ(table["views"], (Cells{2, 1}));
  EXPECT_EQ(table["searches"], (Cells{1, 0}));
  EXPECT_EQ(table["carts"], (Cells{1, 0}));
  EXPECT_EQ(table["purchases"], (Cells{2, 0}));
  EXPECT_EQ(table["spend"], (Cells{45.0, 0.0}));
  EXPECT_EQ(table["last_items"], (Cells{"[9,7]", "[8]"}));
  EXPECT_EQ(table["categories"][0].text(),
            R"([{"category":"lamp","score":4},{"category":"rug","score":2}])");
  EXPECT_EQ(harness.host().absorbed, 7);
}

TEST(Profile, IsToldWhenEveryHasPassedSinceTheFirstChange) {
  auto harness = made({{"every", "60s"}});
  push(harness, {{"a", 100, "view"}, {"b", 130, "view"}});
  harness.advance(159 * kSecond);
  EXPECT_EQ(harness.pull().rows(), 0);
  harness.advance(160 * kSecond);
  EXPECT_EQ(harness.pull()["user"], (Cells{"a"}));
  push(harness, {{"a", 161, "view"}, {"a", 170, "view"}});
  harness.advance(200 * kSecond);
  EXPECT_EQ(harness.pull()["user"], (Cells{"b"}));
  harness.advance(221 * kSecond);
  const Table table = harness.pull();
  EXPECT_EQ(table["events"], (Cells{3}));
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull().rows(), 0);  // nothing is new
}

TEST(Profile, RowsOutOfOrderDoNotMakeAUserToldTwiceWithinEvery) {
  auto harness = made({{"every", "60s"}});
  push(harness, {{"a", 100, "view"}});
  harness.advance(160 * kSecond);
  EXPECT_EQ(harness.pull().rows(), 1);
  push(harness, {{"a", 90, "view"}});
  harness.advance(219 * kSecond);
  EXPECT_EQ(harness.pull().rows(), 0);
  harness.advance(220 * kSecond);
  const Table table = harness.pull();
  EXPECT_EQ(table["first_seen"], (Cells{90 * kSecond}));
  EXPECT_EQ(table["last_seen"], (Cells{100 * kSecond}));
}

TEST(Profile, RowThatItsWatermarkPutsBehindTheTellingIsNotInIt) {
  auto harness = made({{"every", "60s"}});
  Click later{"a", 165, "view"};
  later.watermark = 160;
  push(harness, {{"a", 100, "view"}, later});
  EXPECT_EQ(harness.pull()["events"], (Cells{1}));
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull()["events"], (Cells{2}));
}

TEST(Profile, LastItemsAreByEventTimeEachOnce) {
  auto harness = made({{"items", 3}});
  push(harness, {{"a", 1, "view", "x"},
                 {"a", 2, "view", "y"},
                 {"a", 3, "view", "x"},
                 {"a", 9, "view", "quo\"te"},
                 {"a", 5, "view", "z"},
                 {"a", 1, "view", "too late"}});
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull()["last_items"], (Cells{R"(["quo\"te","z","x"])"}));
}

TEST(Profile, FavouriteCategoriesFadeByTheHalfLife) {
  auto harness = made({{"half_life", "100s"}, {"categories", 2}});
  push(harness, {{"a", 0, "view", nullptr, "old"},
                 {"a", 0, "view", nullptr, "old"},
                 {"a", 0, "view", nullptr, "old"},
                 {"a", 200, "view", nullptr, "new"},
                 {"a", 100, "view", nullptr, "between"},  // out of order
                 {"a", 100, "view", nullptr, "between"}});
  harness.advance(INT64_MAX);
  // 3/4 of the old ones, 1 each of the others.
  EXPECT_EQ(harness.pull()["categories"][0].text(),
            R"([{"category":"new","score":1},{"category":"between","score":1}])");
}

TEST(Profile, UserWithAThousandCategoriesKeepsTheFavouriteOnes) {
  auto harness = made({{"categories", 3}});
  std::vector<Click> clicks;
  for (int64_t i = 0; i < 1000; ++i) {
    clicks.push_back({"a", i, "view", nullptr, "c" + std::to_string(i)});
    if (i % 5 == 0) clicks.push_back({"a", i, "view", nullptr, "best"});
  }
  push(harness, clicks);
  harness.advance(INT64_MAX);
  const std::string told = harness.pull()["categories"][0].text();
  EXPECT_EQ(told.find(R"([{"category":"best","score":199.)"), 0U) << told;
}

TEST(Profile, ConditionsAndNamesCanBeOnesOwn) {
  auto harness = Harness::of<Profile>({{"key", Names{"shop", "who"}},
                                       {"every", "0s"},
                                       {"count", Setting::table({{"dear", "amount > 100"}})},
                                       {"spend", "amount"},
                                       {"erase", "gone"},
                                       {"item", "thing"},
                                       {"category", ""},
                                       {"session", ""}});
  const Table table = {{"shop", {1, 1, 2}},
                       {"who", {"a", "a", "a"}},
                       {"amount", {150, 50, 7}},
                       {"gone", {false, false, true}},
                       {"thing", {2.0, 1.5, nullptr}}};
  harness.push(harness.timed(harness.batch(table), {1, 2, 3}, {-1, -1, -1}));
  const Table out = harness.pull();
  EXPECT_EQ(out["shop"], (Cells{1, 1, 2}));
  EXPECT_EQ(out["dear"], (Cells{1, 1, nullptr}));
  EXPECT_EQ(out["spend"], (Cells{150.0, 200.0, nullptr}));
  EXPECT_EQ(out["last_items"], (Cells{"[2]", "[1.5,2]", nullptr}));
  EXPECT_EQ(out["categories"], (Cells{"[]", "[]", nullptr}));
  EXPECT_EQ(out["sessions"], (Cells{nullptr, nullptr, nullptr}));
  EXPECT_EQ(out["erase"], (Cells{false, false, true}));
}

TEST(Profile, InputWithNothingButAUserAndATimeIsCounted) {
  auto harness = made_of_each_row();
  const Table table = {{"user", {"a", "a"}}};
  harness.push(harness.timed(harness.batch(table), {1, 2}, {-1, -1}));
  const Table out = harness.pull();
  EXPECT_EQ(out["events"], (Cells{1, 2}));
  EXPECT_EQ(out["views"], (Cells{0, 0}));
  EXPECT_EQ(out["spend"], (Cells{0.0, 0.0}));
  EXPECT_EQ(out["last_items"], (Cells{"[]", "[]"}));
}

// ---- to be forgotten ----

TEST(Profile, EraseLeavesNothingOfTheUserInTheState) {
  auto harness = made();
  const std::string secret = "secret-user-name";
  push(harness, {{secret, 1, "view", "secret-item", "secret-category", nullptr, nullptr, "s"},
                 {secret, 2, "view", "secret-thing", "secret-category", nullptr, nullptr, "s"},
                 {"other", 3, "view", "known-item", "c"}});
  EXPECT_TRUE(state_has(harness, secret));
  push(harness, {{secret, 5, "erase"}});
  EXPECT_FALSE(state_has(harness, "secret"));
  EXPECT_TRUE(state_has(harness, "known-item"));
  EXPECT_TRUE(harness.host().timers.empty());
  EXPECT_EQ(users_in_state(harness), 1U);
  const Table out = harness.pull();
  EXPECT_EQ(out["user"], (Cells{secret}));
  EXPECT_EQ(out["erase"], (Cells{true}));
  EXPECT_EQ(out["time"], (Cells{5 * kSecond}));
  EXPECT_TRUE(out["events"][0].is_null());
  EXPECT_EQ(harness.pull("erased"),
            (Table{{"user", {secret}}, {"time", {5 * kSecond}}, {"erase", {true}}}));
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull()["user"], (Cells{"other"}));
  EXPECT_EQ(harness.metric("erased_users"), 1);
}

TEST(Profile, EraseComesBehindWhatWasToldOfTheUserAndBeforeWhatIsNew) {
  auto harness = made_of_each_row();
  push(harness, {{"a", 1, "view"}, {"a", 2, "erase"}, {"a", 3, "view"}, {"b", 3, "erase"}});
  const Table out = harness.pull();
  EXPECT_EQ(out["user"], (Cells{"a", "a", "a", "b"}));
  EXPECT_EQ(out["erase"], (Cells{false, true, false, true}));
  EXPECT_EQ(out["events"], (Cells{1, nullptr, 1, nullptr}));
  EXPECT_EQ(out["first_seen"], (Cells{1 * kSecond, nullptr, 3 * kSecond, nullptr}));
  EXPECT_EQ(harness.pull("erased").rows(), 2);
}

// ---- bounds and bad rows ----

TEST(Profile, RowsThatAreNobodysOrHaveBadValuesFail) {
  auto harness = made_of_each_row();
  const std::string mebibyte(1 << 20, 'x');
  push(harness, {{"a", 1, "view"},
                 {nullptr, 2, "view"},
                 {mebibyte, 3, "view"},
                 {"a", 4, "view", mebibyte},
                 {"a", 5, "view", nullptr, mebibyte},
                 {"a", 6, "purchase", "i", "c", INFINITY, 1},
                 {"a", 7, "view", "i", nullptr, nullptr, nullptr, mebibyte}});
  EXPECT_EQ(harness.pull()["events"], (Cells{1, 2}));
  const std::vector<std::string> reasons = {"no_key", "key_too_long", "long_item", "long_category",
                                            "bad_spend"};
  ASSERT_EQ(harness.failed().size(), reasons.size());
  for (size_t i = 0; i < reasons.size(); ++i) EXPECT_EQ(harness.failed()[i].reason, reasons[i]);
}

TEST(Profile, NestedItemsFail) {
  auto harness = made_of_each_row();
  const Table json = {{"user", {"a", "a"}}, {"item", Type::json(), {"[1]", "\"x\""}}};
  harness.push(harness.timed(harness.batch(json), {1, 2}, {-1, -1}));
  const Table list = {{"user", {"a"}}, {"item", {Cell::list({1})}}};
  harness.push(harness.timed(harness.batch(list), {3}, {-1}));
  EXPECT_EQ(harness.pull()["last_items"], (Cells{"[\"x\"]"}));
  ASSERT_EQ(harness.failed().size(), 2U);
  EXPECT_EQ(harness.failed()[0].reason, "bad_item");
  EXPECT_EQ(harness.failed()[1].reason, "bad_item");
}

TEST(Profile, UserMayBeANumber) {
  auto harness = made_of_each_row();
  push(harness, {{5, 1, "view"}, {5, 2, "view"}, {6, 1, "view"}});
  const Table out = harness.pull();
  EXPECT_EQ(out["user"], (Cells{5, 5, 6}));
  EXPECT_EQ(out["events"], (Cells{1, 2, 1}));
}

TEST(Profile, UserWithAMillionClicksTakesBoundedState) {
  auto harness = made();
  int64_t bytes = 0;
  int64_t rows = 0;
  std::vector<Click> clicks;
  for (int64_t batch = 0; batch < 250; ++batch) {
    clicks.clear();
    for (int64_t i = 0; i < 4000; ++i) {
      const int64_t n = batch * 4000 + i;
      clicks.push_back({"a", n - n % 7, "view", n % 10'000, "c" + std::to_string(n % 50), nullptr,
                        nullptr, n / 100});
      clicks.back().watermark = n - 10;
    }
    push(harness, clicks);
    harness.advance(clicks.back().watermark * kSecond);
    rows += harness.pull().rows();
    if (batch == 10) bytes = harness.host().state().bytes();
  }
  EXPECT_EQ(harness.host().state().bytes(), bytes);
  EXPECT_GT(rows, 14'000);  // a million seconds are 16,667 minutes
  EXPECT_LE(rows, 16'667);
  harness.advance(INT64_MAX);
  const Table out = harness.pull();
  EXPECT_EQ(out["events"], (Cells{1'000'000}));
  EXPECT_EQ(out["sessions"], (Cells{10'000}));
  EXPECT_EQ(harness.failed().size(), 0U);
}

TEST(Profile, LeastRecentlySeenUsersMakeRoomAndAreToldOnceMore) {
  auto harness = made({{"max_users", 1280}});
  for (int64_t i = 0; i < 20; ++i) {
    std::vector<Click> clicks;
    for (int64_t k = 0; k < 500; ++k) clicks.push_back({i * 500 + k, i, "view", k, "c"});
    push(harness, clicks);
  }
  const auto left = static_cast<int64_t>(users_in_state(harness));
  EXPECT_LE(left, 1280);
  EXPECT_GT(left, 1000);
  EXPECT_EQ(harness.metric("evicted_users"), static_cast<double>(10'000 - left));
  EXPECT_EQ(harness.pull().rows(), 10'000 - left);
  harness.advance(INT64_MAX);
  EXPECT_EQ(harness.pull().rows(), left);
}

TEST(Profile, NewUsersFailWhereNoneMayBeForgotten) {
  auto harness = made({{"max_users", 128}, {"when_full", "fail"}});
  std::vector<Click> clicks;
  for (int64_t k = 0; k < 1000; ++k) clicks.push_back({k, 1, "view"});
  push(harness, clicks);
  EXPECT_EQ(users_in_state(harness) + harness.failed().size(), 1000U);
  EXPECT_EQ(harness.failed()[0].reason, "too_many_users");
}

TEST(Profile, OptionsThatCannotBeAreRefused) {
  const auto refusal = [](const Settings& settings) {
    try {
      made(settings);
      return std::string("none");
    } catch (const std::runtime_error& failure) {
      return std::string(failure.what());
    }
  };
  EXPECT_NE(refusal({{"key", Names{}}}).find("key: name one"), std::string::npos);
  EXPECT_NE(refusal({{"key", Names{"time"}}}).find("key: 'time'"), std::string::npos);
  EXPECT_NE(refusal({{"count", Setting::table({{"events", "true"}})}}).find("count.events"),
            std::string::npos);
  EXPECT_NE(refusal({{"count", Setting::table({{"n", "event =="}})}}).find("count"),
            std::string::npos);
}

// However rows are cut into batches and whenever a new instance goes on from the pages: the same
// profiles, of each user in the same order.
TEST(Profile, BatchesAndRestartsChangeNothing) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<Click> clicks;
    int64_t watermark = -30;
    for (int64_t i = 0; i < 800; ++i) {
      const int64_t time = i - static_cast<int64_t>(random() % 25);
      watermark = std::max(watermark, i - 20);
      const auto user = static_cast<int64_t>(random() % 12);
      const char* event = random() % 100 == 0 ? "erase" : random() % 4 == 0 ? "purchase" : "view";
      clicks.push_back({user, time, event, static_cast<int64_t>(random() % 50),
                        "c" + std::to_string(random() % 30), 0.1 * static_cast<double>(i % 9), 2,
                        time / 40, watermark});
    }
    const auto run = [&](bool cut) {
      std::map<int64_t, std::vector<std::string>> rows;
      auto harness = std::make_unique<Harness>(made({{"every", "20s"}}));
      const auto pull = [&] {
        const Table table = harness->pull();
        for (size_t row = 0; row < static_cast<size_t>(table.rows()); ++row) {
          std::ostringstream text;
          for (const auto& column : table.columns) text << column.cells[row] << ' ';
          rows[table["user"][row].integer()].push_back(text.str());
        }
      };
      for (size_t at = 0; at < clicks.size();) {
        const size_t left = clicks.size() - at;
        const size_t n = cut ? std::min<size_t>(1 + random() % 60, left) : left;
        const auto from = clicks.begin() + static_cast<int64_t>(at);
        push(*harness, {from, from + static_cast<int64_t>(n)});
        at += n;
        harness->advance(clicks[at - 1].watermark * kSecond);
        pull();
        if (cut && random() % 3 == 0) {
          harness->host().state().freeze();
          auto next = std::make_unique<Harness>(made({{"every", "20s"}}));
          next->host().state().restore(harness->host().state().frozen());
          harness = std::move(next);
        }
      }
      harness->advance(INT64_MAX);
      pull();
      return rows;
    };
    const auto expected = run(false);
    EXPECT_TRUE(run(true) == expected) << "seed " << seed;
    EXPECT_EQ(expected.size(), 12U);
  }
}

}  // namespace
}  // namespace flow::operators::profile_test
