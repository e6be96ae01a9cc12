#include "operators/common/json_scanner.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "operators/common/json_validate.hpp"

namespace flow::operators::json_scanner_test {
namespace {

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

TEST(JsonScanner, NumbersOfSecondsAreTimestamps) {
  EXPECT_EQ(json_timestamp("1761646530"), 1761646530'000000000);
  EXPECT_EQ(json_timestamp("-0.25"), -250'000'000);
  EXPECT_EQ(json_timestamp("1e12"), std::nullopt);
  EXPECT_EQ(json_timestamp("true"), std::nullopt);
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
}  // namespace flow::operators::json_scanner_test
