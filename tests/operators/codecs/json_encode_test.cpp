#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "flow/dictionary.hpp"
#include "flow/testing/harness.hpp"
#include "operators/codecs/json.hpp"

namespace flow::operators {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;
using namespace std::string_literals;

std::vector<std::string> encode(const Table& table, const Settings& settings = {}) {
  auto harness = Harness::of<Json>(settings, FLOW_ROLE_ENCODE_MESSAGE);
  harness.push(table);
  std::vector<std::string> rows;
  const Table encoded = harness.pull();
  for (const Cell& cell : encoded["bytes"]) rows.push_back(cell.text());
  return rows;
}
std::string encode_one(const Table& table) { return encode(table).at(0); }

TEST(JsonEncode, WebLogDocumentHasItsKeysInColumnOrder) {
  const Table table = {
      {"host", {"203.0.113.42"}},
      {"datetime", {"28/Oct/2025:10:15:30 +0000"}},
      {"request", {"GET /product.php HTTP/1.1"}},
      {"response", {"200"}},
      {"bytes", {"1234"}},
      {"referer", {"http://example.com/search.php"}},
      {"agent",
       {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/120.0.0.0 Safari/537.36"}},
      {"city", Type::category(), {"Paris"}},
      {"country", Type::category(), {"France"}},
      {"location", {Cell::structure({{"lat", 48.8566}, {"lon", 2.3522}})}},
      {"os", Type::category(), {"Windows"}},
      {"browser", Type::category(), {"Chrome"}},
      {"device_type", Type::category(), {"desktop"}},
      {"webpage", {"product"}},
      {"refering_page", {"search"}}};
  EXPECT_EQ(
      encode_one(table),
      R"({"host":"203.0.113.42","datetime":"28/Oct/2025:10:15:30 +0000","request":"GET /product.php HTTP/1.1","response":"200","bytes":"1234","referer":"http://example.com/search.php","agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36","city":"Paris","country":"France","location":{"lat":48.8566,"lon":2.3522},"os":"Windows","browser":"Chrome","device_type":"desktop","webpage":"product","refering_page":"search"})");
}

TEST(JsonEncode, NullsAreOmittedOrWritten) {
  const Table table = {{"a", {nullptr, "x"}},
                       {"b", Type::int64(), {nullptr, nullptr}},
                       {"s",
                        Type::structure({{"t", Type::text()}, {"u", Type::int64()}}),
                        {nullptr, Cell::structure({{"t", nullptr}, {"u", 1}})}}};
  EXPECT_EQ(encode(table), (std::vector<std::string>{"{}", R"({"a":"x","s":{"u":1}})"}));
  EXPECT_EQ(encode(table, {{"nulls", "write"}}),
            (std::vector<std::string>{R"({"a":null,"b":null,"s":null})",
                                      R"({"a":"x","b":null,"s":{"t":null,"u":1}})"}));
}

TEST(JsonEncode, TextIsEscapedAsLittleAsJsonAllows) {
  EXPECT_EQ(encode_one({{"t", {"\"\\/\b\f\n\r\t\x01\x1f\x7f\0é€😀"s}}}),
            R"({"t":"\"\\/\b\f\n\r\t\u0001\u001f)"
            "\x7f"
            R"(\u0000é€😀"})");
}

TEST(JsonEncode, TextOfEveryLengthIsEscapedAtEveryPlace) {
  for (size_t length = 0; length <= 70; ++length) {
    const std::string plain(length, 'x');
    EXPECT_EQ(encode_one({{"t", {plain}}}), "{\"t\":\"" + plain + "\"}");
    for (size_t at = 0; at < length; ++at) {
      std::string text = plain;
      text[at] = '"';
      std::string escaped = plain;
      escaped.replace(at, 1, "\\\"");
      ASSERT_EQ(encode_one({{"t", {text}}}), "{\"t\":\"" + escaped + "\"}")
          << "length " << length << ", quote at " << at;
    }
  }
}

TEST(JsonEncode, NumbersReadBackTheSame) {
  EXPECT_EQ(
      encode({{"n",
               {48.0, -0.5, 1e300, 100000.0, 0.1 + 0.2, 0.0, -0.0, 1e-7, std::nan(""),
                std::numeric_limits<double>::infinity()}}}),
      (std::vector<std::string>{R"({"n":48})", R"({"n":-0.5})", R"({"n":1e+300})", R"({"n":1e+05})",
                                R"({"n":0.30000000000000004})", R"({"n":0})", R"({"n":-0})",
                                R"({"n":1e-07})", R"({"n":null})", R"({"n":null})"}));
  EXPECT_EQ(encode({{"n",
                     {std::numeric_limits<int64_t>::min(), int64_t{-1},
                      std::numeric_limits<int64_t>::max()}}}),
            (std::vector<std::string>{R"({"n":-9223372036854775808})", R"({"n":-1})",
                                      R"({"n":9223372036854775807})"}));
}

TEST(JsonEncode, EveryOtherTypeHasItsForm) {
  EXPECT_EQ(encode_one({{"b", {true}},
                        {"c", {false}},
                        {"t", Type::timestamp(), {int64_t{1761646530500000000}}},
                        {"z", Type::binary(), {"\0\xff\x10\x20"s}},
                        {"j", Type::json(), {"{\"a\": [1, 2.50]}"}},
                        {"l", {Cell::list({1, nullptr, 3})}},
                        {"m", Type::list(Type::category()), {Cell::list({"a", "b\n"})}}}),
            R"({"b":true,"c":false,"t":"2025-10-28T10:15:30.5Z","z":"AP8QIA==",)"
            R"("j":{"a": [1, 2.50]},"l":[1,null,3],"m":["a","b\n"]})");
}

TEST(JsonEncode, LineFeedBetweenThePartsOfATokenDoesNotEndTheLine) {
  EXPECT_EQ(encode_one({{"j", Type::json(), {"[1,\n2]"}}}), R"({"j":[1, 2]})");
}

TEST(JsonEncode, FieldNamesAreEscaped) {
  EXPECT_EQ(encode_one({{"a\"b\n", {1}}}), R"({"a\"b\n":1})");
}

TEST(JsonEncode, RowsAreDelimitedAndContiguous) {
  auto harness = Harness::of<Json>({}, FLOW_ROLE_ENCODE);
  harness.push({{"t", {"a", nullptr, "a longer text than a view has room for"}}});
  const Batch batch = harness.pull_batches().at(0);
  const flow_column& column = batch.column(0);
  ASSERT_EQ(column.n_data, 1);
  const std::string expected =
      "{\"t\":\"a\"}\n{}\n{\"t\":\"a longer text than a view has room for\"}\n";
  EXPECT_EQ(std::string_view(static_cast<const char*>(column.data[0]->data), expected.size()),
            expected);
  EXPECT_EQ(TextView(column)[1], "{}\n");
}

TEST(JsonEncode, BufferGrowsForDocumentsLargerThanThoseBefore) {
  auto harness = Harness::of<Json>({}, FLOW_ROLE_ENCODE_MESSAGE);
  harness.push({{"t", {"a"}}});
  harness.pull();
  std::vector<Cell> cells;
  std::vector<Cell> expected;
  for (int i = 0; i < 50; ++i) {
    cells.emplace_back(std::string(1000 * static_cast<size_t>(i), '\x01'));
    std::string text;
    for (int at = 0; at < 1000 * i; ++at) text += "\\u0001";
    expected.emplace_back("{\"t\":\"" + text + "\"}");
  }
  harness.push({{"t", cells}});
  EXPECT_EQ(harness.pull()["bytes"], expected);
}

TEST(JsonEncode, SlicedBatchesAreReadFromTheirOffset) {
  auto harness = Harness::of<Json>({}, FLOW_ROLE_ENCODE_MESSAGE);
  const Batch batch = harness.batch(
      {{"t", {"a", nullptr, "c"}},
       {"b", {true, false, true}},
       {"n", {1, 2, nullptr}},
       {"k", Type::category(), {"x", "y", "x"}},
       {"l", {Cell::list({1}), Cell::list({2, 3}), nullptr}},
       {"s", {Cell::structure({{"v", 1.5}}), nullptr, Cell::structure({{"v", 2.5}})}}});
  harness.push(harness.host().host().slice(batch, 1, 2));
  EXPECT_EQ(harness.pull()["bytes"],
            (std::vector<Cell>{R"({"b":false,"n":2,"k":"y","l":[2,3]})",
                               R"({"t":"c","b":true,"k":"x","s":{"v":2.5}})"}));
}

TEST(JsonEncode, CategoriesFollowADictionaryThatGrowsAndOneThatIsAnother) {
  auto harness = Harness::of<Json>({}, FLOW_ROLE_ENCODE_MESSAGE);
  const Host host = harness.host().host();
  SharedDictionary growing;
  Output maker(harness.host().abi());
  const auto push = [&](SharedDictionary& dictionary, const std::vector<std::string>& texts) {
    DictionaryBuilder builder(host, static_cast<int64_t>(texts.size()), dictionary);
    for (const std::string& text : texts) builder.append(dictionary.intern(host, text), text);
    harness.push(
        maker.make(static_cast<int64_t>(texts.size()), {{"k", builder.finish()}}, nullptr));
    return harness.pull()["bytes"];
  };
  EXPECT_EQ(push(growing, {"a", "b"}), (std::vector<Cell>{R"({"k":"a"})", R"({"k":"b"})"}));
  std::vector<std::string> many;
  std::vector<Cell> expected;
  for (int i = 0; i < 2000; ++i) {
    many.push_back("value number " + std::to_string(i));
    expected.emplace_back("{\"k\":\"" + many.back() + "\"}");
  }
  EXPECT_EQ(push(growing, many), expected);
  EXPECT_EQ(push(growing, {"b"}), std::vector<Cell>{R"({"k":"b"})"});
  SharedDictionary other;
  EXPECT_EQ(push(other, {"z"}), std::vector<Cell>{R"({"k":"z"})"});
}

TEST(JsonEncode, OriginIsPassedOn) {
  auto harness = Harness::of<Json>({}, FLOW_ROLE_ENCODE);
  harness.push(harness.batch({{"t", {"a"}}}, {"the record"}));
  const Batch batch = harness.pull_batches().at(0);
  EXPECT_EQ(TextView(*batch.origin().record)[0], "the record");
  EXPECT_EQ(harness.host().passed, 1);
  EXPECT_EQ(harness.host().created, 0);
}

}  // namespace
}  // namespace flow::operators
