#include "operators/common/json_walk.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "operators/common/json_scanner.hpp"
#include "operators/common/json_validate.hpp"

namespace flow::operators::json_walk_test {
namespace {

// Whether the walk takes all of the text, with such bytes behind it.
bool is_value(const std::string& text, char behind) {
  const std::string padded = text + std::string(kJsonPadding, behind);
  const char* const end = padded.data() + text.size();
  JsonTraits traits;
  const char* at = skip_json_space(padded.data(), end);
  at = skip_json_value(at, end, traits);
  return at != nullptr && skip_json_space(at, end) == end;
}

TEST(JsonWalk, TakesWhatTheSlowCheckTakes) {
  const std::string deep(1000, '[');
  for (const std::string text :
       {"1",
        "-0.5e+3",
        "\"\\u00e9\"",
        " [ ] ",
        "{\"a\":[1,{\"b\":null}]}",
        "true",
        "\"\\ud83d\\ude00\"",
        "",
        "  ",
        "{\"a\":1,}",
        "[1,]",
        "[1 2]",
        "01",
        "1.",
        "-",
        "nul",
        "\"a",
        "\"\\x\"",
        "\"\n\"",
        "{1:2}",
        "1 2",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "{\"a\":1",
        "[",
        "\"\\",
        "\"\\u",
        "\"\\u12",
        "1e",
        "1e+",
        "tru",
        "{\"a\" : 1 , \"b\":[]}",
        "\"a text of more than one block, with an escape \\n and an end\""}) {
    for (const char behind : {'"', '}', ']', '0', 'e', ' ', '\\', ','}) {
      EXPECT_EQ(is_value(text, behind), !find_json_error(text)) << text << " before " << behind;
    }
  }
  EXPECT_TRUE(is_value(deep + std::string(1000, ']'), ']'));
  EXPECT_FALSE(is_value(std::string(100'000, '['), '['));
}

TEST(JsonWalk, SaysWhatStringsHold) {
  for (const auto& [text, escaped, beyond_ascii] : std::vector<std::tuple<std::string, bool, bool>>{
           {"plain\"é", false, false},
           {"é\"", false, true},
           {"a\\n\"", true, false},
           {"sixteen bytes and é \\\" more\"", true, true}}) {
    const std::string padded = text + std::string(kJsonPadding, 'x');
    JsonTraits traits;
    EXPECT_NE(skip_json_string(padded.data(), padded.data() + text.size(), traits), nullptr)
        << text;
    EXPECT_EQ(traits.escaped, escaped) << text;
    EXPECT_EQ(traits.beyond_ascii, beyond_ascii) << text;
  }
}

TEST(JsonWalk, SimpleNumbersAreThoseOfTheirTokens) {
  for (const std::string text :
       {"0", "-0", "7", "-42", "123456789012345678", "1234567890123456789", "0.5", "-12.75", "0.1",
        "299.123456", "9007199254740993", "0.000001", "1e3", "1.5E-7", "123456789.123456789",
        "0.00000000000000000000001"}) {
    const std::string padded = text + std::string(kJsonPadding, '1');
    JsonNumber number;
    const char* const end = padded.data() + text.size();
    ASSERT_EQ(skip_json_number(padded.data(), end, number), end) << text;
    int64_t integer = 0;
    if (number.integer(integer)) {
      EXPECT_EQ(json_integer(text), integer) << text;
    }
    double real = 0;
    if (number.real(real)) {
      EXPECT_EQ(json_number(text), real) << text;
    }
  }
  JsonNumber number;
  const std::string text = "12.50" + std::string(kJsonPadding, ' ');
  skip_json_number(text.data(), text.data() + 5, number);
  double real = 0;
  EXPECT_TRUE(number.real(real));
  EXPECT_EQ(real, 12.5);
}

}  // namespace
}  // namespace flow::operators::json_walk_test
