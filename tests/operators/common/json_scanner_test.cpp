#include "operators/common/json_scanner.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "operators/common/json_validate.hpp"

namespace flow::operators {
namespace {

std::vector<std::pair<std::string, std::string>> fields(const std::string& text) {
  const std::string padded = text + std::string(kScanPadding, '"');
  JsonObjectScanner scanner(std::string_view(padded).substr(0, text.size()));
  std::vector<std::pair<std::string, std::string>> result;
  while (scanner.next()) result.emplace_back(scanner.key(), scanner.value());
  return result;
}

TEST(JsonScanner, FieldsAreGivenAsTheyAreWritten) {
  using Fields = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(
      fields(R"(  { "a" : 1 , "b":"x\"}\\" ,"c":{"d":["]}", {}]}, "\u0061":null}  )"),
      (Fields{
          {"a", "1"}, {"b", R"("x\"}\\")"}, {"c", R"({"d":["]}", {}]})"}, {R"(\u0061)", "null"}}));
  EXPECT_TRUE(fields("{}").empty());
  EXPECT_TRUE(fields(" { } ").empty());
}

TEST(JsonScanner, IntegersMayBeWrittenAsOtherNumbers) {
  EXPECT_EQ(json_integer("-42"), -42);
  EXPECT_EQ(json_integer("48.0"), 48);
  EXPECT_EQ(json_integer("1e3"), 1000);
  EXPECT_EQ(json_integer("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(json_integer("9223372036854775808"), std::nullopt);
  EXPECT_EQ(json_integer("1.5"), std::nullopt);
  EXPECT_EQ(json_integer("1e30"), std::nullopt);
  EXPECT_EQ(json_integer(""), std::nullopt);
  EXPECT_EQ(json_integer("1 "), std::nullopt);
  EXPECT_EQ(json_number("inf"), std::nullopt);
  EXPECT_EQ(json_number("1e999"), std::nullopt);
}

TEST(JsonScanner, HalfASurrogatePairBecomesAReplacement) {
  std::string text;
  unescape_json(R"(\ud83d\ude00|\ud83d|\ude00|\ud83d\u0041)", text);
  EXPECT_EQ(text,
            "😀|\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD"
            "A");
}

TEST(JsonValidate, ValidTextsHaveNoError) {
  for (const char* text : {"1", "-0.5e+3", "\"\\u00e9\"", " [ ] ", "{\"a\":[1,{\"b\":null}]}",
                           "true", "\"\\ud83d\\ude00\""}) {
    EXPECT_FALSE(find_json_error(text)) << text;
  }
}

TEST(JsonValidate, FirstErrorIsNamedWithItsPlace) {
  const std::vector<std::pair<std::string, size_t>> cases = {
      {"", 0},      {"  ", 2},  {"{\"a\":1,}", 7},  {"[1,]", 3},
      {"[1 2]", 3}, {"01", 1},  {"1.", 2},          {"-", 1},
      {"nul", 0},   {"\"a", 2}, {"\"\\x\"", 2},     {"\"\n\"", 1},
      {"{1:2}", 1}, {"1 2", 2}, {"\"\\u12g4\"", 5}, {"\"\\ud800\"", 7}};
  for (const auto& [text, offset] : cases) {
    const auto error = find_json_error(text);
    ASSERT_TRUE(error) << text;
    EXPECT_EQ(error->offset, offset) << text << ": " << error->what;
  }
}

}  // namespace
}  // namespace flow::operators
