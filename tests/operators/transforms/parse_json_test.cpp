#include "operators/transforms/parse_json.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "flow/testing/harness.hpp"
#include "flow/utf8.hpp"

namespace flow::operators::parse_json_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;

Table messages(std::vector<Cell> cells) { return {{"message", Type::text(), std::move(cells)}}; }

Table parse(const Table& input, const Settings& settings = {}) {
  auto harness = Harness::of<ParseJson>(settings);
  harness.push(input);
  for (const auto& failure : harness.failed()) ADD_FAILURE() << failure.message;
  return harness.pull();
}

TEST(ParseJson, FieldsBecomeColumnsInThePlaceOfTheText) {
  const Table table = parse(
      {{"message", {R"({"a":1,"b":"x","c":[true]})", R"({"b":"a text of some length","a":null})"}},
       {"host", {"n1", "n2"}}},
      {{"schema", Setting::table({{"b", "text"}})}});
  EXPECT_EQ(table, (Table{{"host", {"n1", "n2"}},
                          {"b", {"x", "a text of some length"}},
                          {"a", {"1", nullptr}},
                          {"c", {"[true]", nullptr}}}));
}

TEST(ParseJson, BadRowsFailAloneWithTheirReasons) {
  auto harness =
      Harness::of<ParseJson>({{"schema", Setting::table({{"a", "int"}})}, {"max_fields", 2}});
  harness.push(messages({R"({"a":1})", "{\"a\":1,}", nullptr, R"({"a":"x"})", "[1]",
                         R"({"b":1,"c":2})", "", R"({"a":2})"}));
  EXPECT_EQ(harness.pull(), (Table{{"a", {1, 2}}}));
  std::vector<std::string> reasons;
  for (const auto& failure : harness.failed()) reasons.push_back(failure.reason);
  EXPECT_EQ(reasons, (std::vector<std::string>{"bad_json", "null_text", "bad_type", "bad_json",
                                               "too_many_fields", "bad_json"}));
}

// What comes of rows that are pushed `rows` at a time, the batches in pieces.
std::vector<std::string> parsed(const std::vector<Cell>& texts, size_t rows, const char* type,
                                int64_t* batches) {
  auto harness = Harness::of<ParseJson>({{"max_fields", 6}});
  harness.host().limit_room(1);
  std::vector<std::string> result;
  for (size_t first = 0; first < texts.size(); first += rows) {
    const auto begin = texts.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = begin + static_cast<std::ptrdiff_t>(std::min(rows, texts.size() - first));
    const bool is_json = std::string_view(type) == "json";
    harness.push(
        {{"message", is_json ? Type::json() : Type::text(), std::vector<Cell>(begin, end)}});
  }
  for (const Batch& batch : harness.pull_batches()) {
    ++*batches;
    EXPECT_LE(batch.column_count(), 1000U);
    const Table table = flow::testing::read_table(batch);
    for (size_t row = 0; row < static_cast<size_t>(batch.rows()); ++row) {
      std::map<std::string, Cell> fields;
      for (const auto& column : table.columns) {
        if (!(column.cells[row] == Cell(nullptr))) fields.emplace(column.name, column.cells[row]);
      }
      std::ostringstream text;
      for (const auto& [name, value] : fields) text << name << '=' << value << ' ';
      result.push_back(text.str());
    }
  }
  for (const auto& failure : harness.failed()) result.push_back(failure.reason + failure.message);
  EXPECT_EQ(harness.host().room_violations, 0);
  return result;
}

TEST(ParseJson, WhichRowsHaveTooManyFieldsDoesNotDependOnBatches) {
  std::vector<Cell> texts;
  for (int row = 0; row < 4000; ++row) {
    std::string text = "{\"n\":" + std::to_string(row);
    for (int i = 0; i < row % 8; ++i) {
      text.append(",\"k").append(std::to_string(i % 2 == 0 ? i : row * 8 + i)).append("\":true");
    }
    texts.emplace_back(row % 50 == 0 ? "[]" : text + "}");
  }
  int64_t batches = 0;
  const std::vector<std::string> single = parsed(texts, 1, "text", &batches);
  EXPECT_EQ(single.size(), texts.size());
  EXPECT_EQ(batches, std::count_if(single.begin(), single.end(), [](const std::string& one) {
              return one.find("n=") != std::string::npos;
            }));
  EXPECT_GT(std::count_if(single.begin(), single.end(),
                          [](const std::string& one) { return one.starts_with("too_many_"); }),
            300);
  for (const char* const type : {"text", "json"}) {
    batches = 0;
    EXPECT_EQ(parsed(texts, texts.size(), type, &batches), single);
    EXPECT_GT(batches, 2);
    EXPECT_LT(batches, 20);
  }
}

TEST(ParseJson, SourceCanBeKept) {
  EXPECT_EQ(parse(messages({R"({"a":1})"}), {{"keep_source", true}}),
            (Table{{"message", {R"({"a":1})"}}, {"a", {"1"}}}));
  EXPECT_EQ(parse(messages({R"({"message":"inner"})"}),
                  {{"schema", Setting::table({{"message", "text"}})}}),
            messages({"inner"}));
}

TEST(ParseJson, PrefixStandsInFrontOfNewNames) {
  EXPECT_EQ(parse({{"message", {R"({"host":1})"}}, {"host", {"n1"}}}, {{"prefix", "event_"}}),
            (Table{{"host", {"n1"}}, {"event_host", {"1"}}}));
}

TEST(ParseJson, IntoCollectsTheFieldsInAStruct) {
  auto harness =
      Harness::of<ParseJson>({{"into", "event"}, {"schema", Setting::table({{"a", "int"}})}});
  harness.push(messages({R"({"a":1,"b":2})"}));
  const Batch batch = harness.pull_batches().at(0);
  EXPECT_EQ(Type::of(*batch.schema().fields[0]),
            Type::structure({{"a", Type::int64()}, {"b", Type::json()}}));
  EXPECT_EQ(Int64View(*batch.find("event.a"))[0], 1);
}

TEST(ParseJson, FieldsReplaceColumnsOfTheSameName) {
  EXPECT_EQ(parse({{"host", {"n1"}}, {"message", {R"({"host":"n2"})"}}},
                  {{"schema", Setting::table({{"host", "text"}})}}),
            (Table{{"host", {"n2"}}}));
}

// Were it otherwise, what a row holds would depend on the rows that share its batch.
TEST(ParseJson, UndeclaredFieldsLeaveColumnsOfTheInputAlone) {
  const Table input = {{"message", {R"({"host":"n2","a":1})", R"({"a":2})", R"({"host":null})"}},
                       {"host", {"n1", "n1", "n1"}}};
  auto harness = Harness::of<ParseJson>();
  harness.push(input);
  EXPECT_EQ(harness.pull(), (Table{{"host", {"n1", "n1", "n1"}}, {"a", {"1", "2", nullptr}}}));
  EXPECT_EQ(harness.metric("hidden_values"), 1);
  EXPECT_EQ(parse(input, {{"prefix", "e_"}}), (Table{{"host", {"n1", "n1", "n1"}},
                                                     {"e_host", {R"("n2")", nullptr, nullptr}},
                                                     {"e_a", {"1", "2", nullptr}}}));
  EXPECT_EQ(parse(messages({R"({"message":1})"}), {{"keep_source", true}}),
            messages({R"({"message":1})"}));
  EXPECT_EQ(parse(messages({R"({"message":1})"})), (Table{{"message", {"1"}}}));
}

TEST(ParseJson, JsonTextInsideJsonIsParsed) {
  EXPECT_EQ(parse({{"message", Type::json(), {R"("{\"a\": \"in a text\"}")", R"({"a":"plain"})"}}},
                  {{"schema", Setting::table({{"a", "text"}})}}),
            (Table{{"a", {"in a text", "plain"}}}));
}

TEST(ParseJson, CategoriesAndBytesAreRead) {
  EXPECT_EQ(parse({{"message", Type::category(), {R"({"a":1})", R"({"a":2})", R"({"a":1})"}}}),
            (Table{{"a", {"1", "2", "1"}}}));
  EXPECT_EQ(parse({{"message", Type::binary(), {"{\"a\":\"\xFF and more than a view\"}"}}}),
            (Table{{"a", {"\"\xEF\xBF\xBD and more than a view\""}}}));
}

// A row is read before it is known to need repair: nothing of that reading stays in a dictionary.
TEST(ParseJson, DictionariesHoldRepairedTextsOnly) {
  auto harness = Harness::of<ParseJson>({{"schema", Setting::table({{"c", "category"}})}});
  harness.push({{"message", Type::binary(), {"{\"c\":\"\xFF\"}", "{\"c\":\"\xC3 no object"}}});
  const std::vector<Batch> batches = harness.pull_batches();
  ASSERT_EQ(batches.size(), 1U);
  const TextView dictionary(*batches[0].find("c")->dictionary);
  for (int64_t i = 0; i < dictionary.size(); ++i) EXPECT_TRUE(is_valid_utf8(dictionary[i])) << i;
  EXPECT_EQ(CategoryView(*batches[0].find("c"))[0], "\xEF\xBF\xBD");
}

TEST(ParseJson, ContradictoryOptionsAreRefused) {
  EXPECT_THROW(Harness::of<ParseJson>({{"into", "a"}, {"prefix", "b"}}), std::runtime_error);
  EXPECT_THROW(Harness::of<ParseJson>({{"schema", Setting::table({{"a", "itn"}})}}),
               std::runtime_error);
}

TEST(ParseJson, MissingColumnIsNamed) {
  auto harness = Harness::of<ParseJson>({{"field", "mesage"}});
  EXPECT_THROW(harness.push(messages({"{}"})), std::runtime_error);
}

}  // namespace
}  // namespace flow::operators::parse_json_test
