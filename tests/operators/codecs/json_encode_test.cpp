#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "flow/dictionary.hpp"
#include "flow/testing/harness.hpp"
#include "operators/codecs/json.hpp"
#include "operators/common/split_mix.hpp"

namespace flow::operators::json_encode_test {
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

// Far more places than an encoder remembers, in an order in which they come again soon and late.
TEST(JsonEncode, PlacesThatComeAgainAreWrittenAsTheyWereAtFirst) {
  constexpr size_t kPlaces = 150000;
  auto harness = Harness::of<Json>({}, FLOW_ROLE_ENCODE_MESSAGE);
  uint64_t drawings = 0;
  for (int batch = 0; batch < 40; ++batch) {
    std::vector<Cell> places;
    std::vector<std::string> expected;
    for (int row = 0; row < 5000; ++row) {
      const uint64_t drawn = split_mix(7, drawings++);
      const uint64_t place = drawn % (drawn >> 63 != 0 ? 1000 : kPlaces);
      const auto lat = static_cast<double>(place % 90);
      const double lon = static_cast<double>(place) / 8 - 9000.5;
      places.push_back(Cell::structure({{"lat", lat}, {"lon", lon}}));
      std::string text = std::to_string(lon);
      text.erase(text.find_last_not_of('0') + 1);
      if (text.back() == '.') text.pop_back();
      expected.push_back("{\"place\":{\"lat\":" + std::to_string(place % 90) + ",\"lon\":" + text +
                         "}}");
    }
    harness.push({{"place", places}});
    const Table encoded = harness.pull();
    for (size_t row = 0; row < expected.size(); ++row) {
      ASSERT_EQ(encoded["bytes"][row].text(), expected[row]);
    }
  }
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

constexpr int kRows = 1500;
constexpr int64_t kDictionaryRows = 256;

// A place and a browser a row, of some hundred each, with nulls of every kind among them.
Table places_and_browsers() {
  const Type location = Type::structure({{"lat", Type::float64()}, {"lon", Type::float64()}});
  const Type size = Type::structure({{"width", Type::int64()}});
  Table table = {{"host", Type::text(), {}},
                 {"city", Type::category(), {}},
                 {"country", Type::category(), {}},
                 {"location", location, {}},
                 {"browser", Type::category(), {}},
                 {"system", Type::category(), {}},
                 {"screen", size, {}},
                 {"page", Type::text(), {}}};
  const auto add = [&](size_t column, Cell cell) {
    table.columns[column].cells.push_back(std::move(cell));
  };
  for (uint64_t row = 0; row < kRows; ++row) {
    const uint64_t place = split_mix(1, row) % 400;
    const uint64_t browser = split_mix(2, row) % 30;
    add(0, place % 11 == 0 ? Cell(nullptr) : Cell("host " + std::to_string(row)));
    // A long one, and one with something to escape.
    const std::string city = place == 1   ? std::string(300, 'x')
                             : place == 2 ? "St. \"John's\"\n"
                                          : "city " + std::to_string(place);
    add(1, place % 7 == 0 ? Cell(nullptr) : Cell(city));
    add(2, place % 5 == 0 ? Cell(nullptr) : Cell("C" + std::to_string(place % 20)));
    const double degrees = static_cast<double>(place) / 7;
    const Cell lat = place % 13 == 0 ? Cell(nullptr) : Cell(place % 17 == 0 ? 0.0 : degrees);
    const Cell lon = place % 19 == 0 ? Cell(nullptr) : Cell(place % 2 == 0 ? -0.0 : 0.0);
    add(3, place % 23 == 0 ? Cell(nullptr) : Cell::structure({{"lat", lat}, {"lon", lon}}));
    add(4, browser == 0 ? Cell(nullptr) : Cell("Browser " + std::to_string(browser)));
    add(5, Cell("System " + std::to_string(browser % 4)));
    const auto width = static_cast<int64_t>(browser % 3);
    add(6, browser == 5 ? Cell(nullptr) : Cell::structure({{"width", width}}));
    add(7, Cell("page"));
  }
  return table;
}

std::vector<Cell> encode_in_batches(const Table& table, const Settings& settings,
                                    int64_t rows_a_batch, int64_t first_row = 0) {
  auto harness = Harness::of<Json>(settings, FLOW_ROLE_ENCODE_MESSAGE);
  const Batch batch = harness.batch(table);
  std::vector<Cell> rows;
  for (int64_t first = first_row; first < batch.rows(); first += rows_a_batch) {
    const int64_t n = std::min(rows_a_batch, batch.rows() - first);
    harness.push(harness.host().host().slice(batch, first, n));
    const Table encoded = harness.pull();
    const std::vector<Cell>& cells = encoded["bytes"];
    rows.insert(rows.end(), cells.begin(), cells.end());
  }
  return rows;
}

TEST(JsonEncode, DocumentsDoNotDependOnTheirBatch) {
  const Table table = places_and_browsers();
  for (const char* nulls : {"omit", "write"}) {
    const Settings settings = {{"nulls", nulls}};
    const std::vector<Cell> single = encode_in_batches(table, settings, 1);
    ASSERT_EQ(single.size(), size_t{kRows});
    EXPECT_EQ(encode_in_batches(table, settings, kRows), single) << nulls;
    EXPECT_EQ(encode_in_batches(table, settings, 301), single) << nulls;
    // From a place inside a byte of the validity bitmaps.
    EXPECT_EQ(encode_in_batches(table, settings, kRows, 3),
              std::vector<Cell>(single.begin() + 3, single.end()))
        << nulls;
  }
}

TEST(JsonEncode, CategoriesFollowDictionariesThatAreReplaced) {
  auto harness = Harness::of<Json>({}, FLOW_ROLE_ENCODE_MESSAGE);
  const Host host = harness.host().host();
  Output maker(harness.host().abi());
  for (const std::string prefix : {"a", "b", "c"}) {
    SharedDictionary left;
    SharedDictionary right;
    DictionaryBuilder lefts(host, kDictionaryRows, left);
    DictionaryBuilder rights(host, kDictionaryRows, right);
    std::vector<Cell> expected;
    for (int64_t row = 0; row < kDictionaryRows; ++row) {
      const std::string value = prefix + std::to_string(row % 10);
      lefts.append(left.intern(host, value), value);
      rights.append(right.intern(host, value + "!"), value + "!");
      std::string line = "{\"l\":\"";
      line.append(value).append("\",\"r\":\"").append(value).append("!\"}");
      expected.emplace_back(line);
    }
    harness.push(
        maker.make(kDictionaryRows, {{"l", lefts.finish()}, {"r", rights.finish()}}, nullptr));
    EXPECT_EQ(harness.pull()["bytes"], expected);
  }
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
}  // namespace flow::operators::json_encode_test
