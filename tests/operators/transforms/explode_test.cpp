#include "operators/transforms/explode.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::explode_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;
using flow::testing::TableColumn;

Cell list(std::vector<Cell> items) { return Cell::list(std::move(items)); }

Harness made(Settings settings = {}) {
  settings.emplace_back("field", "items");
  return Harness::of<Explode>(settings);
}
Table exploded(const Table& input, const Settings& settings = {}) {
  auto harness = made(settings);
  harness.push(input);
  return harness.pull();
}

const Table kLists = {{"id", {1, 2, 3}},
                      {"items", {list({"a", "b"}), list({"c"}), list({"d", nullptr, "f"})}},
                      {"name", {"one", "two", "a name of some length"}}};

TEST(Explode, EachElementBecomesARow) {
  EXPECT_EQ(exploded(kLists), (Table{{"id", {1, 1, 2, 3, 3, 3}},
                                     {"items", {"a", "b", "c", "d", nullptr, "f"}},
                                     {"name",
                                      {"one", "one", "two", "a name of some length",
                                       "a name of some length", "a name of some length"}}}));
}

TEST(Explode, FirstRowOfAListIsPassedOnAndTheOthersAreCreated) {
  auto harness = made();
  harness.push(kLists);
  EXPECT_EQ(harness.host().passed, 3);
  EXPECT_EQ(harness.host().created, 3);
}

TEST(Explode, EmptyListsAreDropped) {
  auto harness = made();
  harness.push(
      {{"id", {1, 2, 3}}, {"items", Type::list(Type::int64()), {list({}), nullptr, list({7, 8})}}});
  EXPECT_EQ(harness.pull(), (Table{{"id", {3, 3}}, {"items", {7, 8}}}));
  EXPECT_EQ(harness.dropped("empty list"), 2);
}

TEST(Explode, EmptyListsCanBeKeptAsNull) {
  EXPECT_EQ(exploded({{"id", {1, 2, 3}},
                      {"items", Type::list(Type::int64()), {list({}), list({7, 8}), nullptr}}},
                     {{"keep_empty", true}, {"index", "n"}}),
            (Table{{"id", {1, 2, 2, 3}},
                   {"items", {nullptr, 7, 8, nullptr}},
                   {"n", {nullptr, 0, 1, nullptr}}}));
}

TEST(Explode, ElementsOfEveryTypeComeOutAsTheyWere) {
  for (const Cell& item : {Cell(true), Cell(2.5), Cell("a text of some length"),
                           Cell::structure({{"a", 1}, {"b", "x"}}), list({1, 2})}) {
    EXPECT_EQ(exploded({{"items", {list({item, item}), list({item})}}, {"id", {1, 2}}},
                       {{"keep_empty", true}}),
              (Table{{"items", {item, item, item}}, {"id", {1, 1, 2}}}));
    const Type type = Type::list(item.natural_type());
    EXPECT_EQ(exploded({{"items", type, {list({item}), nullptr, list({nullptr, item})}}},
                       {{"keep_empty", true}}),
              (Table{{"items", item.natural_type(), {item, nullptr, nullptr, item}}}));
  }
}

TEST(Explode, JsonArraysAreTakenApart) {
  EXPECT_EQ(
      exploded({{"items",
                 Type::json(),
                 {" [ 1 , \"a, ]b\" ,{\"x\":[1,2],\"y\":\"}\"},null,\"q\\\"\\\\\"]", "[true]"}},
                {"id", {1, 2}}}),
      (Table{{"items",
              {"1", "\"a, ]b\"", "{\"x\":[1,2],\"y\":\"}\"}", nullptr, "\"q\\\"\\\\\"", "true"}},
             {"id", {1, 1, 1, 1, 1, 2}}}));
}

TEST(Explode, JsonThatIsNoArrayFails) {
  auto harness = made();
  harness.push({{"items",
                 Type::json(),
                 {"{\"a\":[]}", "[1", "[1 2]", "[1,]", "[,]", "[1]x", "[\"a]", "[[]]"}}});
  ASSERT_EQ(harness.failed().size(), 7U);
  EXPECT_EQ(harness.failed()[0].reason, "not_a_list");
  for (size_t i = 1; i < 7; ++i) EXPECT_EQ(harness.failed()[i].reason, "bad_json") << i;
  EXPECT_EQ(harness.pull(), (Table{{"items", {"[]"}}}));
}

TEST(Explode, LongListLeavesInBatchesThatThereIsRoomFor) {
  std::string token = "[";
  std::vector<Cell> cells;
  for (int i = 0; i < 10'000; ++i) {
    token.append(i > 0 ? "," : "").append(std::to_string(i));
    cells.emplace_back(i);
  }
  for (const TableColumn& items : {TableColumn("items", Type::json(), {token + "]", "[7]"}),
                                   TableColumn("items", {list(cells), list({7})})}) {
    auto harness = made({{"index", "n"}});
    harness.host().limit_room(1);
    harness.push({items});
    const std::vector<Batch> batches = harness.pull_batches();
    ASSERT_EQ(batches.size(), 3U);
    int64_t rows = 0;
    for (const Batch& batch : batches) {
      EXPECT_LE(batch.rows(), Explode::kBatchRows);
      for (int64_t row = 0; row < batch.rows() && rows < 10'000; ++row, ++rows) {
        ASSERT_EQ(Int64View(*batch.find("n"))[row], rows);
      }
    }
    EXPECT_EQ(rows, 10'000);
    EXPECT_EQ(harness.host().created, 9'999);
    EXPECT_EQ(harness.host().room_violations, 0);
  }
}

TEST(Explode, LongListIsNotRepeatedInMemory) {
  std::vector<Cell> cells(20'000, Cell(1));
  auto harness = made();
  const Batch batch = harness.batch({{"items", {list(cells)}}, {"id", {1}}});
  const int64_t before = harness.host().account.used();
  harness.push(batch);
  EXPECT_LT(harness.host().account.used() - before, int64_t{1} << 21);
}

TEST(Explode, AbsentFieldCountsAsEmptyAndIsSaidOnce) {
  auto harness = made();
  harness.push({{"id", {1, 2}}});
  harness.push({{"id", {1, 2}}});
  EXPECT_EQ(harness.dropped("empty list"), 4);
  EXPECT_EQ(harness.host().logs.size(), 1U);
  EXPECT_EQ(exploded({{"id", {1, 2}}}, {{"keep_empty", true}}), (Table{{"id", {1, 2}}}));
}

TEST(Explode, FieldThatIsNoListIsRefused) {
  EXPECT_THROW(exploded({{"items", {"a"}}}), std::runtime_error);
  EXPECT_THROW(made({{"index", "items"}}), std::runtime_error);
}

TEST(Explode, SlicedBatchesAreReadFromTheirOffset) {
  auto harness = made();
  harness.push(harness.host().host().slice(harness.batch(kLists), 1, 2));
  EXPECT_EQ(harness.pull()["items"], (std::vector<Cell>{"c", "d", nullptr, "f"}));
}

}  // namespace
}  // namespace flow::operators::explode_test
