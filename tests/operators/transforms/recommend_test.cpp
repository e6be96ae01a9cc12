#include "operators/transforms/recommend.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/common/json_writer.hpp"

namespace flow::operators::recommend_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;
using flow::testing::TableColumn;
using Cells = std::vector<Cell>;

Harness made(const Settings& settings) { return Harness::of<Recommend>(settings); }
Table clicks(const Cells& sessions, const Cells& items) {
  return {{"session", sessions}, {"item", items}};
}
// Of a list: the items.
Cells items_of(const Cell& list) {
  Cells items;
  if (list.is_null()) return items;
  for (const Cell& element : list.items()) items.push_back(element.fields()[0].second);
  return items;
}
std::vector<std::string> reasons(const Harness& harness) {
  std::vector<std::string> words;
  for (const auto& failed : harness.failed()) words.push_back(failed.reason);
  return words;
}

TEST(Recommend, EachClickIsTestedThenLearnedThenAnswered) {
  auto harness = made({{"model", "sr"}});
  harness.push(clicks({1, 1, 2, 2, 3}, {10, 11, 10, 11, 10}));
  const Table table = harness.pull();
  EXPECT_EQ(table["predicted"], (Cells{false, true, false, true, false}));
  EXPECT_EQ(table["rank"], (Cells{nullptr, nullptr, nullptr, 1, nullptr}));
  EXPECT_EQ(table["model"], (Cells{"sr", "sr", "sr", "sr", "sr"}));
  EXPECT_EQ(table["recommended_before"], (Cells{false, false, false, true, false}));
  const Cells& lists = table["recommendations"];
  EXPECT_EQ(lists[0], Cell::list({})) << "nothing has followed 10 yet";
  EXPECT_EQ(lists[4],
            Cell::list({Cell::structure(
                {{"item", 11}, {"score", 5040.0}, {"reason", "went together 2.0 times"}})}));
  EXPECT_EQ(harness.metric("recommend_predictions"), 2);
  EXPECT_EQ(harness.metric("recommend_hits"), 1);
}

TEST(Recommend, ReasonsAreWords) {
  auto harness = made({{"model", "repeat+vsknn"}, {"output", "list"}});
  harness.push(clicks({1, 1, 2, 2, 3}, {10, 11, 10, 11, 10}));
  const Cell list = harness.pull()["recommendations"][4];
  ASSERT_EQ(items_of(list), (Cells{11, 10}));
  EXPECT_EQ(list.items()[0].fields()[2].second, "seen together in 2 of 2 similar sessions");
  EXPECT_EQ(list.items()[1].fields()[2].second, "the item just clicked");
}

TEST(Recommend, TextIdsAreValuesWhateverTheirColumn) {
  auto harness = made({{"model", "sr"}});
  harness.push(clicks({"a", "a"}, {"lamp", "bulb"}));
  const Table more = {{"session", flow::Type::category(), {"b", "b", "c"}},
                      {"item", flow::Type::category(), {"lamp", "bulb", "lamp"}}};
  harness.push(more);
  const Table json = {{"session", flow::Type::json(), {"\"d\"", "\"d\""}},
                      {"item", flow::Type::json(), {"\"lamp\"", "\"bulb\""}}};
  harness.push(json);
  const Table table = harness.pull();
  EXPECT_EQ(table["rank"], (Cells{nullptr, nullptr, nullptr, 1, nullptr, nullptr, 1}));
  EXPECT_EQ(items_of(table["recommendations"][4]), (Cells{"bulb"}));
}

TEST(Recommend, TiesOfTextIdsGoToTheOneSeenFirst) {
  auto harness = made({{"model", "sr"}, {"output", "list"}});
  harness.push(clicks({1, 1, 2, 2, 3, 3, 4}, {"x", "zebra", "x", "apple", "x", "mango", "x"}));
  EXPECT_EQ(items_of(harness.pull()["recommendations"][6]), (Cells{"zebra", "apple", "mango"}));
  auto numbers = made({{"model", "sr"}, {"output", "list"}});
  numbers.push(clicks({1, 1, 2, 2, 3, 3, 4}, {5, 90, 5, -10, 5, 40, 5}));
  EXPECT_EQ(items_of(numbers.pull()["recommendations"][6]), (Cells{-10, 40, 90}));
}

TEST(Recommend, IdsOfAnotherTypeThanTheModelsAreRefused) {
  auto harness = made({});
  harness.push(clicks({1}, {10}));
  try {
    harness.push(clicks({1}, {"ten"}));
    FAIL();
  } catch (const std::runtime_error& refused) {
    EXPECT_NE(std::string(refused.what()).find("item: column 'item' is text now"),
              std::string::npos)
        << refused.what();
  }
}

// ---- bad input ----

TEST(Recommend, RowsWithoutIdsFailAndTheOthersGoOn) {
  auto harness = made({{"model", "sr"}});
  harness.push(clicks({1, nullptr, 1, 1}, {10, 10, nullptr, 11}));
  EXPECT_EQ(reasons(harness), (std::vector<std::string>{"no_session", "no_item"}));
  const Table table = harness.pull();
  EXPECT_EQ(table["item"], (Cells{10, 11}));
  EXPECT_EQ(table["predicted"], (Cells{false, true}));
}

TEST(Recommend, AColumnThatABatchLacksIsNull) {
  auto harness = made({});
  harness.push({{"session", {1, 2}}});
  EXPECT_EQ(reasons(harness), (std::vector<std::string>{"no_item", "no_item"}));
}

TEST(Recommend, IdsOfAMebibyteFail) {
  auto harness = made({{"model", "sr"}});
  const std::string huge(1 << 20, 'x');
  const std::string longest(1024, 'y');
  harness.push(clicks({"a", "a", huge, "a"}, {longest, huge, "b", "b"}));
  EXPECT_EQ(reasons(harness), (std::vector<std::string>{"id_too_long", "id_too_long"}));
  EXPECT_EQ(harness.pull()["item"], (Cells{longest, "b"}));
}

TEST(Recommend, ClicksFarOutOfOrderAreClicksThatComeNow) {
  auto harness =
      made({{"model", "sr"}, {"output", "rank"}, {"time", "at"}, {"expire_after", "1h"}});
  const int64_t hour = 3'600'000'000'000;
  Table table = clicks({1, 1, 2, 2, 3}, {10, 11, 10, 11, 10});
  table.columns.push_back(
      {"at", flow::Type::timestamp(), {1000 * hour, 1000 * hour + 1, 2, INT64_MIN + 5, nullptr}});
  harness.push(table);
  // Session 2 is older than what is remembered when it comes; it ends when it is looked for.
  EXPECT_EQ(reasons(harness), (std::vector<std::string>{"no_time"}));
  const Table out = harness.pull();
  EXPECT_EQ(out.rows(), 4);
  EXPECT_EQ(out["predicted"], (Cells{false, true, false, true}));
  EXPECT_EQ(out["rank"][3], Cell(1));
}

TEST(Recommend, AnItemSeenOnceIsRecommendedByNothing) {
  auto harness = made({{"model", "vsknn"}, {"output", "list"}});
  harness.push(clicks({1, 2, 3}, {10, 11, 12}));
  EXPECT_EQ(harness.pull()["recommendations"], (Cells(3, Cell::list({}))));
}

TEST(Recommend, FailsRowsWhenThereIsNoStateLeft) {
  auto harness = made({{"model", "sr"}});
  harness.push(clicks({1}, {1}));
  harness.host().state_limit = 1;
  for (int64_t batch = 0; batch < 200; ++batch) {
    Cells sessions, items;
    for (int64_t row = 0; row < 100; ++row) {
      sessions.emplace_back(batch * 100 + row);
      items.emplace_back(batch * 100 + row);
    }
    harness.push(clicks(sessions, items));
  }
  // Those that came before make room.
  EXPECT_EQ(harness.pull().rows() + static_cast<int64_t>(harness.failed().size()), 20'001);
  EXPECT_GT(harness.metric("recommend_evicted_sessions"), 10'000);
}

// ---- lists as JSON ----

TEST(Recommend, ListsCanBeJson) {
  auto harness = made({{"model", "sr"},
                       {"lists", "json"},
                       {"click", "event == 'view'"},
                       {"answer", "event == 'view'"}});
  Table table = clicks({1, 1, 1, 2, 2, 3}, {10, -11, 12, 10, -11, 10});
  table.columns.push_back({"event", {"view", "view", "view", "view", "buy", "view"}});
  harness.push(table);
  const Table out = harness.pull();
  for (const TableColumn& column : out.columns) {
    EXPECT_EQ(column.type.id() == FLOW_JSON, column.name == "recommendations") << column.name;
  }
  const Cells& lists = out["recommendations"];
  EXPECT_EQ(lists[0], "[]");
  EXPECT_EQ(lists[3], R"([{"item":-11,"score":2520,"reason":"went together 1.0 times"},)"
                      R"({"item":12,"score":1260,"reason":"went together 0.5 times"}])");
  EXPECT_TRUE(lists[4].is_null());
  EXPECT_EQ(lists[5], lists[3]);
}

TEST(Recommend, TextIdsOfJsonListsAreEscaped) {
  auto harness = made({{"model", "sr"}, {"lists", "json"}});
  const std::string odd = "a \"b\"\\\n\x01" + std::string(300, '"');
  harness.push(clicks({1, 1, 2}, {"lamp", odd, "lamp"}));
  EXPECT_EQ(
      harness.pull()["recommendations"][2],
      R"([{"item":)" + json_quoted(odd) + R"(,"score":2520,"reason":"went together 1.0 times"}])");
  auto binary = made({{"model", "sr"}, {"lists", "json"}});
  const Table bytes = {{"session", Cells{1, 1, 2}},
                       {"item", flow::Type::binary(), {"\x01", "\xff\xfe", "\x01"}}};
  binary.push(bytes);
  EXPECT_EQ(binary.pull()["recommendations"][2],
            R"([{"item":"//4=","score":2520,"reason":"went together 1.0 times"}])");
}

// ---- which rows count ----

TEST(Recommend, RowsThatAreNoClicksAreNoStepsAndKnowWhatWasShown) {
  auto harness =
      made({{"model", "sr"}, {"click", "event == 'view'"}, {"answer", "event != 'buy'"}});
  Table table = clicks({1, 1, 2, 2, 2, 9, 2}, {10, 11, 10, nullptr, 11, 11, 12});
  table.columns.push_back({"event", {"view", "view", "view", "search", "buy", "buy", "buy"}});
  harness.push(table);
  EXPECT_TRUE(harness.failed().empty());
  const Table out = harness.pull();
  EXPECT_EQ(out["predicted"], (Cells{false, true, false, false, false, false, false}));
  EXPECT_EQ(out["recommended_before"], (Cells{false, false, false, false, true, false, false}));
  EXPECT_EQ(items_of(out["recommendations"][3]), (Cells{11})) << "of the session as it stands";
  EXPECT_TRUE(out["recommendations"][4].is_null());
}

// What every list has is what was looked at already: that is no recommendation that worked.
TEST(Recommend, ListLeadsToAnItemOnlyIfItCameBeforeTheFirstLook) {
  auto harness = made({{"model", "repeat+sr"}, {"click", "event == 'view'"}});
  // 11 follows 10 twice; session 3 is then told of 11, and looks at 12, which no list had had.
  Table table =
      clicks({1, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3}, {10, 11, 10, 11, 10, 11, 12, 12, 11, 12, 10});
  table.columns.push_back(
      {"event",
       {"view", "view", "view", "view", "view", "view", "view", "view", "buy", "buy", "buy"}});
  harness.push(table);
  const Table out = harness.pull();
  const Cells& lists = out["recommendations"];
  const Cells after_12 = items_of(lists[7]);
  EXPECT_NE(std::find(after_12.begin(), after_12.end(), Cell(12)), after_12.end())
      << "a list had 12 before it was bought, and after it was looked at";
  EXPECT_EQ(out["recommended_before"],
            (Cells{false, false, false, true, false, true, false, false, true, false, false}));
}

TEST(Recommend, WhatIsBoughtUnseenWasRecommendedIfAListHadIt) {
  auto harness = made({{"model", "sr"}, {"click", "event == 'view'"}});
  Table table = clicks({1, 1, 2, 2, 2}, {10, 11, 10, 11, 12});
  table.columns.push_back({"event", {"view", "view", "view", "buy", "buy"}});
  harness.push(table);
  EXPECT_EQ(harness.pull()["recommended_before"], (Cells{false, false, false, true, false}));
}

TEST(Recommend, RowsThatAreNotLearnedAreStillTestedAndSteps) {
  auto harness = made({{"model", "sr"}, {"learn", "learned"}});
  Table table = clicks({1, 1, 2, 2, 3, 3}, {10, 11, 10, 11, 10, 12});
  table.columns.push_back({"learned", {true, true, false, false, false, false}});
  harness.push(table);
  const Table out = harness.pull();
  EXPECT_EQ(out["rank"], (Cells{nullptr, nullptr, nullptr, 1, nullptr, nullptr}));
  harness.push(clicks({4}, {10}));  // `learned` is null: not learned
  const Cell list = harness.pull()["recommendations"][0];
  ASSERT_EQ(items_of(list), (Cells{11}));
  EXPECT_EQ(list.items()[0].fields()[1].second, Cell(2520.0)) << "one learned succession";
}

TEST(Recommend, StockAndCategoryAreLearnedFromRows) {
  auto harness = made({{"model", "sr"},
                       {"output", "list"},
                       {"available", "stock"},
                       {"category", "kind"},
                       {"same_category", true},
                       {"click", "event == 'view'"}});
  const auto push = [&](const Cells& sessions, const Cells& items, const Cells& stock,
                        const Cells& kinds, const Cells& events) {
    Table table = clicks(sessions, items);
    table.columns.emplace_back("stock", flow::Type::boolean(), stock);
    table.columns.emplace_back("kind", flow::Type::text(), kinds);
    table.columns.emplace_back("event", flow::Type::text(), events);
    harness.push(table);
    return harness.pull()["recommendations"];
  };
  const Cells view(4, "view");
  const Cells first = push({1, 1, 1, 2}, {10, 11, 12, 10}, {true, true, nullptr, true},
                           {"lamp", "lamp", "sofa", "lamp"}, view);
  EXPECT_EQ(items_of(first[3]), (Cells{11}));
  const Cells second =
      push({9, 3}, {11, 10}, {false, nullptr}, {nullptr, nullptr}, {"stock", "view"});
  EXPECT_EQ(items_of(second[1]), Cells{});
}

TEST(Recommend, OutputChoosesColumns) {
  const auto names = [](const char* output) {
    auto harness = made({{"output", output}});
    harness.push(clicks({1}, {10}));
    std::vector<std::string> names;
    for (const TableColumn& column : harness.pull().columns) names.push_back(column.name);
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names("all"), (Names{"session", "item", "recommendations", "model", "rank", "predicted",
                                 "recommended_before"}));
  EXPECT_EQ(names("list"),
            (Names{"session", "item", "recommendations", "model", "recommended_before"}));
  EXPECT_EQ(names("rank"), (Names{"session", "item", "model", "rank", "predicted"}));
}

// What the shop's flow has by default: all but neighbours.
TEST(Recommend, MixtureOfRulesLearnsWhatFollowsWhat) {
  auto harness = made({{"model", "rule_mixture"}});
  Cells sessions, items;
  for (int session = 0; session < 200; ++session) {
    for (int click = 0; click < 4; ++click) {
      sessions.push_back(session);
      items.push_back(session % 10 * 10 + click);
    }
  }
  harness.push(clicks(sessions, items));
  const Table table = harness.pull();
  EXPECT_EQ(table["model"][0], "rule_mixture");
  for (size_t row = 400; row < items.size(); ++row) {
    EXPECT_EQ(table["predicted"][row], row % 4 != 0);
    EXPECT_EQ(table["rank"][row], row % 4 != 0 ? Cell(1) : Cell(nullptr)) << row;
  }
  const Cell list = table["recommendations"][796];
  ASSERT_FALSE(list.items().empty());
  EXPECT_EQ(list.items()[0].fields()[0].second, items[797]);
  EXPECT_EQ(list.items()[0].fields()[2].second.text().rfind("went together ", 0), 0U);
}

TEST(Recommend, OptionsThatDoNotFitAreRefused) {
  EXPECT_THROW(made({{"model", "vmis"}, {"last_clicks", 10}}), std::runtime_error);
  EXPECT_THROW(made({{"same_category", true}}), std::runtime_error);
  EXPECT_THROW(made({{"learn", "event =="}}), std::runtime_error);
  auto harness = made({{"expire_after", "1h"}});
  EXPECT_THROW(harness.push(clicks({1}, {1})), std::runtime_error) << "there is no time";
}

}  // namespace
}  // namespace flow::operators::recommend_test
