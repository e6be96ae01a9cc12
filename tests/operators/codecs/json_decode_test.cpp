#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/codecs/json.hpp"
#include "tests/operators/codecs/codec_stream.hpp"

namespace flow::operators::json_decode_test {
namespace {

using flow::testing::Cell;
using flow::testing::CodecStream;
using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Table;

Json::Options with_schema(const std::vector<std::pair<std::string, std::string>>& fields) {
  Json::Options options;
  for (const auto& [name, type] : fields) {
    Value value;
    value.type = FLOW_OPTION_TEXT;
    value.text = type;
    options.schema.items.emplace_back(name, value);
  }
  return options;
}

Table decode(std::string_view text, const Json::Options& options = {}) {
  CodecStream<Json> stream(options);
  stream.read(text, true);
  EXPECT_TRUE(stream.host.failed.empty());
  EXPECT_TRUE(stream.balanced());
  return stream.pull();
}

TEST(JsonDecode, UndeclaredFieldsKeepTheirTokensVerbatim) {
  EXPECT_EQ(decode(R"({"s":"a\u0041 long enough text","n":1.50,"i":12345678901234567890123,)"
                   R"( "b" : true , "o":{"x": [1, "]}"]},"e":""})"
                   "\n"),
            (Table{{"s", {R"("a\u0041 long enough text")"}},
                   {"n", {"1.50"}},
                   {"i", {"12345678901234567890123"}},
                   {"b", {"true"}},
                   {"o", {R"({"x": [1, "]}"]})"}},
                   {"e", {"\"\""}}}));
}

TEST(JsonDecode, TypeOfAnUndeclaredFieldDoesNotDependOnItsValues) {
  for (const std::string value : {"1", "\"x\"", "true", "[]", "{}"}) {
    EXPECT_EQ(decode("{\"f\":" + value + "}").columns.at(0).type, Type::json());
  }
}

TEST(JsonDecode, ColumnsAreTheUnionInTheOrderOfTheirFirstUse) {
  EXPECT_EQ(decode("{\"a\":1}\n{\"b\":2,\"a\":3}\n{}\n{\"c\":4}\n"),
            (Table{{"a", {"1", "3", nullptr, nullptr}},
                   {"b", {nullptr, "2", nullptr, nullptr}},
                   {"c", {nullptr, nullptr, nullptr, "4"}}}));
}

TEST(JsonDecode, NullIsAbsentAndTheLastOfARepeatedFieldCounts) {
  EXPECT_EQ(decode("{\"a\":null,\"b\":1,\"b\":2}\n"), (Table{{"a", {nullptr}}, {"b", {"2"}}}));
}

TEST(JsonDecode, DeclaredFieldsComeFirstTypedAndAlways) {
  const Json::Options options = with_schema({{"t", "text"},
                                             {"i", "int"},
                                             {"f", "float"},
                                             {"b", "bool"},
                                             {"at", "timestamp"},
                                             {"j", "json"}});
  const Table table = decode(
      R"({"x":0,"at":"2025-10-28T11:15:30.5+01:00","b":true,"f":1,"i":-7,"t":"a\"b","j":[1]})"
      "\n{}\n",
      options);
  EXPECT_EQ(table, (Table{{"t", {"a\"b", nullptr}},
                          {"i", {-7, nullptr}},
                          {"f", {1.0, nullptr}},
                          {"b", {true, nullptr}},
                          {"at", {int64_t{1761646530500000000}, nullptr}},
                          {"j", {"[1]", nullptr}},
                          {"x", {"0", nullptr}}}));
  EXPECT_EQ(table.columns[1].type, Type::int64());
  EXPECT_EQ(table.columns[4].type, Type::timestamp());
}

TEST(JsonDecode, ValuesAreCoercedWhereTheirMeaningIsClear) {
  const Json::Options options = with_schema(
      {{"t", "text"}, {"i", "int"}, {"f", "float"}, {"b", "bool"}, {"at", "timestamp"}});
  EXPECT_EQ(decode(R"({"t":12.50,"i":"42","f":"-1e3","b":"false","at":1761646530})"
                   "\n"
                   R"({"t":{"a":1},"i":48.0,"f":"0.5","b":"true","at":1761646530.25})"
                   "\n",
                   options),
            (Table{{"t", {"12.50", "{\"a\":1}"}},
                   {"i", {42, 48}},
                   {"f", {-1000.0, 0.5}},
                   {"b", {false, true}},
                   {"at", {int64_t{1761646530000000000}, int64_t{1761646530250000000}}}}));
}

TEST(JsonDecode, ValueThatDoesNotFitFailsItsRowAlone) {
  for (const std::string field :
       {R"("i":1.5)", R"("i":"x")", R"("i":[])", R"("i":99999999999999999999)", R"("f":"nan")",
        R"("f":1e999)", R"("b":1)", R"("at":"yesterday")", R"("at":true)", R"("i":"")"}) {
    CodecStream<Json> stream(
        with_schema({{"i", "int"}, {"f", "float"}, {"b", "bool"}, {"at", "timestamp"}}));
    stream.read("{\"i\":1}\n{\"new\":1,\"f\":2," + field + "}\n{\"i\":3}\n");
    const Table table = stream.pull();
    EXPECT_EQ(table["i"], (std::vector<Cell>{1, 3})) << field;
    EXPECT_EQ(table["f"], (std::vector<Cell>{nullptr, nullptr})) << field;
    EXPECT_FALSE(table.has("new")) << field;
    ASSERT_EQ(stream.host.failed.size(), 1U) << field;
    EXPECT_EQ(stream.host.failed[0].reason, "bad_type");
    EXPECT_EQ(stream.host.failed[0].record, "{\"new\":1,\"f\":2," + field + "}");
  }
}

TEST(JsonDecode, BadLineFailsAloneAndSaysWhere) {
  for (const auto& [line, column] : std::vector<std::pair<std::string, std::string>>{
           {"{\"a\":1,}", "column 8"},
           {"{\"a\" 1}", "column 6"},
           {"{\"a\":tru}", "column 6"},
           {"{\"a\":\"x}", "column 9"},
           {"{\"a\":1", "column 7"},
           {"{\"a\":\"\\q\"}", "column 8"},
           {"{\"a\":01}", "column 7"},
           {"{\"a\":1} x", "column 9"},
           {"[1,2]", "column 1"},
           {"42", "column 1"},
           {"not json at all, but long enough to be no inline view", "column 1"}}) {
    CodecStream<Json> stream;
    stream.read("{\"a\":1}\n" + line + "\n{\"a\":2}\n");
    EXPECT_EQ(stream.pull(), (Table{{"a", {"1", "2"}}})) << line;
    ASSERT_EQ(stream.host.failed.size(), 1U) << line;
    EXPECT_EQ(stream.host.failed[0].reason, "bad_json");
    EXPECT_EQ(stream.host.failed[0].message.substr(0, column.size() + 1), column + ":") << line;
    EXPECT_EQ(stream.host.failed[0].record, line);
    EXPECT_TRUE(stream.balanced());
  }
}

TEST(JsonDecode, TooManyFieldsFailTheRowThatBringsThem) {
  Json::Options options;
  options.max_fields = 2;
  CodecStream<Json> stream(options);
  stream.read("{\"a\":1}\n{\"b\":2,\"c\":3,\"e\":null}\n{\"d\":4,\"a\":2,\"d\":5}\n");
  EXPECT_EQ(stream.pull(), (Table{{"a", {"1", "2"}}, {"d", {nullptr, "5"}}}));
  ASSERT_EQ(stream.host.failed.size(), 1U);
  EXPECT_EQ(stream.host.failed[0].reason, "too_many_fields");
  EXPECT_NE(stream.host.failed[0].message.find("'e' would be number 3 of the row"),
            std::string::npos);
}

// Rows that each bring new names, some too many of them; wide enough for several batches.
std::string rows_of_new_names(int64_t rows) {
  std::string text;
  for (int64_t row = 0; row < rows; ++row) {
    text.append("{\"n\":").append(std::to_string(row)).append(",\"o\":{\"p\":1");
    for (int64_t i = 0; i < row % 23; ++i) {
      text.append(",\"in").append(std::to_string((row * 7 + i) % 900)).append("\":null");
    }
    text.append("}");
    if (row % 11 == 0) text.append(",\"all\":0");
    for (int64_t i = 0; i < row % 9; ++i) {
      text.append(",\"out").append(std::to_string(row * 9 + i)).append("\":").append("[7]");
    }
    text.append(row % 31 == 0 ? ",\"n\":\"x\"}\n" : "}\n");
  }
  return text;
}

// By their `n`, the fields that are not null; and the failures.
struct RowsByNumber {
  std::map<std::string, std::string> rows;
  std::vector<std::string> failures;
  bool operator==(const RowsByNumber&) const = default;
};

RowsByNumber rows_by_number(CodecStream<Json>& stream) {
  RowsByNumber result;
  for (const Batch& batch : stream.host.emitted[0]) {
    const Table table = flow::testing::read_table(batch);
    for (size_t row = 0; row < static_cast<size_t>(batch.rows()); ++row) {
      std::map<std::string, std::string> fields;
      for (const auto& column : table.columns) {
        if (column.cells[row] == flow::testing::Cell(nullptr) || column.name == "o") continue;
        std::ostringstream value;
        value << column.cells[row];
        fields[column.name] = value.str();
      }
      std::string& all = result.rows[fields.at("n")];
      EXPECT_EQ(all, "");
      for (const auto& [name, value] : fields) {
        all.append(name).append("=").append(value).append(" ");
      }
    }
  }
  for (const auto& failure : stream.host.failed) {
    result.failures.push_back(failure.record + failure.reason + failure.message);
  }
  return result;
}

TEST(JsonDecode, WhichRowsHaveTooManyFieldsDoesNotDependOnBatches) {
  Json::Options options = with_schema({{"n", "int"}, {"o.p", "int"}});
  options.max_fields = 20;
  const std::string text = rows_of_new_names(2000);
  CodecStream<Json> whole(options);
  whole.read(text, true);
  EXPECT_TRUE(whole.balanced());
  EXPECT_GT(whole.host.emitted[0].size(), 2U);
  for (const Batch& batch : whole.host.emitted[0]) EXPECT_LE(batch.column_count(), 1000U);
  const RowsByNumber expected = rows_by_number(whole);
  EXPECT_GT(expected.rows.size(), 1000U);
  EXPECT_GT(expected.failures.size(), 200U);
  EXPECT_EQ(expected.rows.size() + expected.failures.size(), 2000U);
  for (const size_t size : {size_t{300}, size_t{5000}, size_t{70'001}}) {
    CodecStream<Json> pieces(options);
    pieces.read_in_pieces(text, size);
    EXPECT_TRUE(pieces.balanced());
    EXPECT_EQ(rows_by_number(pieces), expected) << size;
  }
  CodecStream<Json> slow(options);
  slow.host.limit_room(1);
  slow.read(text, true);
  EXPECT_EQ(rows_by_number(slow), expected);
}

TEST(JsonDecode, BatchesOfFewRowsDoNotHoldTheRoomOfMany) {
  Json::Options options;
  options.max_fields = 1000;
  std::string text;
  for (int row = 0; row < 200; ++row) {
    text.append("{\"first\":1");
    for (int i = 0; i < 990; ++i) {
      text.append(",\"k").append(std::to_string(row * 1000 + i)).append("\":1");
    }
    text.append("}\n");
  }
  text.append(std::string(20'000, '\n'));
  CodecStream<Json> stream(options);
  stream.read(text, true);
  ASSERT_EQ(stream.host.emitted[0].size(), 200U);
  // 64 rows of room each, but for the first.
  EXPECT_LT(stream.host.account.used(), int64_t{300} << 20);
}

TEST(JsonDecode, InvalidUtf8IsRepairedAndCounted) {
  CodecStream<Json> stream(with_schema({{"t", "text"}}));
  stream.read("{\"t\":\"a long text with \xFF in it\",\"u\":\"\xE2\x82\"}\n{\"t\":\"fine\"}\n");
  EXPECT_EQ(stream.pull(), (Table{{"t", {"a long text with \xEF\xBF\xBD in it", "fine"}},
                                  {"u", {"\"\xEF\xBF\xBD\"", nullptr}}}));
  EXPECT_TRUE(stream.host.failed.empty());
}

TEST(JsonDecode, EscapesBecomeTheirCharacters) {
  EXPECT_EQ(decode(R"({"t":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 and more"})",
                   with_schema({{"t", "text"}})),
            (Table{{"t", {"\"\\/\b\f\n\r\té😀 and more"}}}));
}

TEST(JsonDecode, FieldNameWithNulIsRefused) {
  CodecStream<Json> stream;
  stream.read("{\"a\\u0000b\":1}\n{\"\\u0061\":1}\n");
  EXPECT_EQ(stream.pull(), (Table{{"a", {"1"}}}));
  EXPECT_EQ(stream.host.failed.size(), 1U);
}

TEST(JsonDecode, TextsShareTheBytesThatWereRead) {
  CodecStream<Json> stream(with_schema({{"t", "text"}}));
  stream.read("{\"t\":\"a text longer than a view\",\"u\":[1,2,3,4,5,6,7]}\n" +
              std::string(100, ' ') + "\n");
  const Batch batch = stream.host.emitted[0].at(0);
  for (uint32_t column = 0; column < 2; ++column) {
    EXPECT_EQ(batch.column(column).data[0], batch.origin().record->data[0]);
    EXPECT_EQ(batch.column(column).n_data, 1);
  }
}

TEST(JsonDecode, OriginNamesPositionAndRecord) {
  CodecStream<Json> stream;
  stream.read("{\"a\":1}\nbad\n{\"a\":2}\r\n");
  const Batch batch = stream.host.emitted[0].at(0);
  EXPECT_EQ(Int64View(*batch.origin().position)[1], 12);
  EXPECT_EQ(TextView(*batch.origin().record)[1], "{\"a\":2}");
}

TEST(JsonDecode, DeepNestingIsRefusedAndNotFatal) {
  CodecStream<Json> stream;
  stream.read("{\"a\":" + std::string(100000, '[') + "\n{\"a\":1}\n");
  EXPECT_EQ(stream.pull(), (Table{{"a", {"1"}}}));
  ASSERT_EQ(stream.host.failed.size(), 1U);
  EXPECT_EQ(stream.host.failed[0].reason, "bad_json");
}

TEST(JsonDecode, OverlongLineIsOneDeadLetterWhateverTheReads) {
  const std::string huge = "{\"a\":\"" + std::string(3000, 'x') + "\"}";
  for (const size_t read : {1, 50, 101, 3000, 10000}) {
    Json::Options options;
    options.max_line = {100};
    CodecStream<Json> stream(options);
    std::string bytes = "{\"a\":1}\n";
    bytes.append(huge).append("\n{\"a\":2}\n").append(huge);
    stream.read_in_pieces(bytes, read);
    EXPECT_EQ(stream.pull(), (Table{{"a", {"1", "2"}}})) << read;
    EXPECT_EQ(stream.host.failed.size(), 2U) << read;
  }
}

TEST(JsonDecode, DeclaredObjectsBecomeStructs) {
  CodecStream<Json> stream(with_schema({{"at.lat", "float"}, {"at.place.name", "text"}}));
  stream.read(R"({"at":{"lat":1.5,"place":{"name":"Paris"}},"x":1})"
              "\n"
              R"({"at":{"place":null,"lat":-2}})"
              "\n"
              R"({"at":null})"
              "\n{}\n");
  const Batch batch = stream.host.emitted[0].at(0);
  EXPECT_EQ(Type::of(*batch.schema().fields[0]),
            Type::structure(
                {{"lat", Type::float64()}, {"place", Type::structure({{"name", Type::text()}})}}));
  const Column at = batch.share_column(0);
  EXPECT_EQ(at.null_count(), 2);
  EXPECT_EQ(Float64View(*batch.find("at.lat"))[1], -2.0);
  EXPECT_EQ(TextView(*batch.find("at.place.name"))[0], "Paris");
  EXPECT_TRUE(Validity(*batch.find("at.place")).is_null(1));
  auto encoder = Harness::of<Json>({}, FLOW_ROLE_ENCODE_MESSAGE);
  encoder.push(batch);
  EXPECT_EQ(encoder.pull()["bytes"],
            (std::vector<Cell>{R"({"at":{"lat":1.5,"place":{"name":"Paris"}},"x":1})",
                               R"({"at":{"lat":-2}})", "{}", "{}"}));
}

TEST(JsonDecode, UndeclaredFieldsOfADeclaredObjectStayInIt) {
  const std::string line = R"({"at":{"lat":1.5,"alt":[1, 2]},"y":2})";
  CodecStream<Json> stream(with_schema({{"at.lat", "float"}}));
  stream.read(line + "\n");
  const Batch batch = stream.host.emitted[0].at(0);
  EXPECT_EQ(batch.find("at.alt")->type, FLOW_JSON);
  EXPECT_EQ(TextView(*batch.find("at.alt"))[0], "[1, 2]");
  auto encoder = Harness::of<Json>({}, FLOW_ROLE_ENCODE_MESSAGE);
  encoder.push(batch);
  EXPECT_EQ(encoder.pull(), (Table{{"bytes", {line}}}));
}

TEST(JsonDecode, RepeatedObjectCountsAsTheLast) {
  CodecStream<Json> stream(with_schema({{"o.a", "int"}, {"o.b", "int"}}));
  stream.read("{\"o\":{\"a\":1,\"c\":3},\"o\":{\"b\":2}}\n{\"o\":{\"a\":1},\"o\":null}\n");
  const Batch batch = stream.host.emitted[0].at(0);
  EXPECT_TRUE(Validity(*batch.find("o.a")).is_null(0));
  EXPECT_TRUE(Validity(*batch.find("o.c")).is_null(0));
  EXPECT_EQ(Int64View(*batch.find("o.b"))[0], 2);
  EXPECT_TRUE(Validity(*batch.find("o")).is_null(1));
  EXPECT_TRUE(Validity(*batch.find("o.a")).is_null(1));
}

TEST(JsonDecode, ValueWhereAnObjectIsDeclaredFailsWithItsPath) {
  CodecStream<Json> stream(with_schema({{"o.p.a", "int"}}));
  stream.read("{\"o\":{\"p\":7}}\n{\"o\":[]}\n{\"o\":{\"p\":{\"a\":\"x\"}}}\n{\"o\":{}}\n");
  ASSERT_EQ(stream.host.failed.size(), 3U);
  EXPECT_EQ(stream.host.failed[0].message, "field 'o.p': 7 is no object");
  EXPECT_EQ(stream.host.failed[1].message, "field 'o': [] is no object");
  EXPECT_EQ(stream.host.failed[2].message, "field 'o.p.a': \"x\" is no int64");
  EXPECT_EQ(stream.host.emitted[0].at(0).rows(), 1);
}

TEST(JsonDecode, UndeclaredFieldsCanBeDropped) {
  Json::Options options = with_schema({{"a", "int"}, {"o.b", "int"}});
  options.undeclared = Undeclared::kDrop;
  CodecStream<Json> stream(options);
  for (int i = 0; i < 3; ++i) {
    stream.read(
        "{\"x\":1,\"a\":2,\"o\":{\"y\":[{}],\"b\":3,\"é\":1},\"z\":\"long enough text\"}\n");
    const Batch batch = std::exchange(stream.host.emitted[0], {}).at(0);
    EXPECT_EQ(batch.column_count(), 2U);
    EXPECT_EQ(batch.schema().fields[1]->n_children, 1U);
    EXPECT_EQ(Int64View(*batch.find("o.b"))[0], 3);
  }
  stream.read("{\"x\":tru,\"a\":2}\n");
  ASSERT_EQ(stream.host.failed.size(), 1U);
  EXPECT_EQ(stream.host.failed[0].reason, "bad_json");
}

TEST(JsonDecode, CategoriesAreDictionaries) {
  CodecStream<Json> stream(with_schema({{"c", "category"}}));
  stream.read("{\"c\":\"FR\"}\n{\"c\":\"a\\\"b\"}\n{\"c\":\"FR\"}\n{\"c\":1}\n{}\n");
  const Batch batch = stream.host.emitted[0].at(0);
  EXPECT_EQ(batch.column(0).type, FLOW_CATEGORY);
  EXPECT_EQ(batch.column(0).dictionary->array->length, 3);
  EXPECT_EQ(stream.pull(), (Table{{"c", {"FR", "a\"b", "FR", "1", nullptr}}}));
}

TEST(JsonDecode, TimestampFormatReadsTextsAndNumbers) {
  auto harness = Harness::of<Json>(
      {{"schema",
        Setting::table(
            {{"a", Setting::table({{"type", "timestamp"}, {"format", "epoch_ms"}})},
             {"b", Setting::table({{"type", "timestamp"}, {"format", "%d/%b/%Y:%H:%M:%S %z"}})}})}},
      FLOW_ROLE_DECODE);
  harness.push(Table{{"bytes",
                      Type::binary(),
                      {R"({"a":1500,"b":"28/Oct/2025:10:15:30 +0000"})"
                       "\n"
                       R"({"a":"2000"})"
                       "\n"}}});
  EXPECT_EQ(harness.pull(), (Table{{"a", {int64_t{1'500'000'000}, int64_t{2'000'000'000}}},
                                   {"b", {int64_t{1761646530'000000000}, nullptr}}}));
}

TEST(JsonDecode, ColumnsDoNotDependOnWhatEarlierBatchesHad) {
  const std::string text = "{\"b\":1}\n{\"a\":1,\"b\":2}\n";
  CodecStream<Json> fresh;
  fresh.read(text);
  CodecStream<Json> used;
  used.read("{\"a\":1,\"c\":1,\"b\":1}\n{\"bad\":}\n");
  used.pull();
  used.read(text);
  const Table table = used.pull();
  EXPECT_EQ(table, fresh.pull());
  EXPECT_EQ(table.columns.at(0).name, "b");
}

TEST(JsonDecode, ObjectDeclaredAsAValueTooIsRefused) {
  EXPECT_THROW(Harness::of<Json>({{"schema", Setting::table({{"a", "int"}, {"a.b", "int"}})}}),
               std::runtime_error);
  EXPECT_THROW(Harness::of<Json>({{"schema", Setting::table({{"a.b", "int"}, {"a", "int"}})}}),
               std::runtime_error);
}

TEST(JsonDecode, SchemaWithAnUnknownTypeIsRefused) {
  EXPECT_THROW(Harness::of<Json>({{"schema", Setting::table({{"a", "number"}})}}),
               std::runtime_error);
}

TEST(JsonDecode, WhatWasDecodedIsEncodedBackVerbatim) {
  const std::string line =
      R"({"s":"a\u0041\/","n":1.50,"big":123456789012345678901234567890,"o":{"x":[1,null]}})";
  CodecStream<Json> stream;
  stream.read(line + "\n");
  auto encoder = Harness::of<Json>({}, FLOW_ROLE_ENCODE_MESSAGE);
  encoder.push(stream.host.emitted[0].at(0));
  EXPECT_EQ(encoder.pull(), (Table{{"bytes", {line}}}));
}

}  // namespace
}  // namespace flow::operators::json_decode_test
