#include "core/config/text_place.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/config/toml_document.hpp"

namespace flowrun::text_place_test {
namespace {

// "line:column" of byte `offset` of the value called `v` in `document`.
std::string place(const std::string& document, std::size_t offset) {
  const Value::Table table = parse_toml(document, "f");
  const Place found = place_inside(*find(table, "v"), offset, document);
  return std::to_string(found.line) + ':' + std::to_string(found.column);
}

TEST(PlaceInside, CountsFromBehindTheQuote) {
  EXPECT_EQ(place("v = \"abc\"\n", 0), "1:6");
  EXPECT_EQ(place("v = \"abc\"\n", 2), "1:8");
  EXPECT_EQ(place("w = 1\n  v   =   'abc'\n", 1), "2:13");
}

TEST(PlaceInside, TakesTheEndForTheClosingQuote) { EXPECT_EQ(place("v = \"abc\"", 3), "1:9"); }

TEST(PlaceInside, GoesThroughEscapes) {
  EXPECT_EQ(place(R"(v = "a\"b\"c")", 4), "1:12");
  EXPECT_EQ(place(R"(v = "\u00e9x")", 2), "1:12");
  EXPECT_EQ(place(R"(v = "\U0001F600x")", 4), "1:16");
  EXPECT_EQ(place(R"(v = 'a\b')", 2), "1:8");
}

TEST(PlaceInside, CountsCharactersNotBytes) {
  EXPECT_EQ(place("v = \"\xC3\xA9x\"", 2), "1:7");
  EXPECT_EQ(place("w = \"\xC3\xA9\"\nv = 'x'", 0), "2:6");
  EXPECT_EQ(place("\"\xC3\xA9\" = 1\nv = 'x'", 0), "2:6");
}

TEST(PlaceInside, FollowsLines) {
  EXPECT_EQ(place("v = \"\"\"\nab\ncd\"\"\"", 0), "2:1");
  EXPECT_EQ(place("v = \"\"\"\nab\ncd\"\"\"", 4), "3:2");
  EXPECT_EQ(place("v = '''ab\ncd'''", 3), "2:1");
  EXPECT_EQ(place("v = \"\"\"a \\\n\n   b\"\"\"", 2), "3:4");
  EXPECT_EQ(place("v = \"\"\"a\"\"\"\"", 1), "1:9");
}

TEST(PlaceInside, FallsBackToTheValue) {
  const std::string document = "v = \"${X}\"\n";
  Value::Table table = parse_toml(document, "f");
  table[0].value.data = std::string("expanded");
  EXPECT_EQ(place_inside(table[0].value, 3, document).column, 5U);
  EXPECT_EQ(place_inside(table[0].value, 3, "").column, 5U);
  EXPECT_EQ(place("v = \"abc\"", 99), "1:5");
  EXPECT_EQ(place("v = 12", 0), "1:5");
}

}  // namespace
}  // namespace flowrun::text_place_test
