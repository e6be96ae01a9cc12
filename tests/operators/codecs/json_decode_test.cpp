#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/codecs/json.hpp"
#include "tests/operators/codecs/codec_stream.hpp"

namespace flow::operators {
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
  stream.read("{\"a\":1}\n{\"b\":2,\"c\":3}\n{\"d\":4}\n");
  EXPECT_EQ(stream.pull(), (Table{{"a", {"1", nullptr}}, {"d", {nullptr, "4"}}}));
  ASSERT_EQ(stream.host.failed.size(), 1U);
  EXPECT_EQ(stream.host.failed[0].reason, "too_many_fields");
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
}  // namespace flow::operators
