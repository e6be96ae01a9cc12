#include "core/config/names.hpp"

#include <gtest/gtest.h>

namespace flowrun::names_test {
namespace {

TEST(EditDistanceTest, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("min", "min"), 0u);
  EXPECT_EQ(edit_distance("mim", "min"), 1u);
  EXPECT_EQ(edit_distance("path", "pth"), 1u);
  EXPECT_EQ(edit_distance("pth", "path"), 1u);
  EXPECT_EQ(edit_distance("tpye", "type"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(EditDistanceTest, IgnoresTheCaseOfLetters) { EXPECT_EQ(edit_distance("JSON", "json"), 0u); }

TEST(NearestNameTest, FindsWhatWasProbablyMeant) {
  const std::vector<std::string> names = {"field", "database", "inputs", "type"};
  EXPECT_EQ(nearest_name("feild", names), "field");
  EXPECT_EQ(nearest_name("databse", names), "database");
  EXPECT_EQ(nearest_name("input", names), "inputs");
  EXPECT_EQ(nearest_name("TYPE", names), "type");
}

TEST(NearestNameTest, SuggestsNothingForAStrangeName) {
  EXPECT_EQ(nearest_name("colour", {"field", "database"}), std::nullopt);
  EXPECT_EQ(nearest_name("a", {"b"}), std::nullopt);
  EXPECT_EQ(nearest_name("", {"b"}), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(100000, 'x'), {std::string(100000, 'y')}), std::nullopt);
}

TEST(NearestNameTest, PrefersTheEarlierOfTwoAtTheSameDistance) {
  EXPECT_EQ(nearest_name("cat", {"bat", "hat"}), "bat");
}

TEST(IdentifierTest, BeginsWithALetterOrUnderscore) {
  for (const char* good : {"a", "_", "access_log", "a-1", "Z9"}) EXPECT_TRUE(is_identifier(good));
  for (const char* bad : {"", "1a", "-a", "a.b", "a b", "\xc3\xa4"}) {
    EXPECT_FALSE(is_identifier(bad)) << bad;
  }
}

TEST(QuoteTest, EscapesControlCharactersAndCutsLongTexts) {
  EXPECT_EQ(quote("plain"), "'plain'");
  EXPECT_EQ(quote("a\x1b[31m\n"), "'a\\x1b[31m\\x0a'");
  EXPECT_EQ(quote(std::string(81, 'x')), "'" + std::string(80, 'x') + "...'");
}

TEST(QuoteTest, DoesNotCutInsideACharacter) {
  std::string text(79, 'x');
  text.append("\xc3\xa4");
  EXPECT_EQ(quote(text), "'" + std::string(79, 'x') + "...'");
}

TEST(EnumerateTest, JoinsWithCommasAndALastWord) {
  EXPECT_EQ(enumerate({}), "");
  EXPECT_EQ(enumerate({"a"}), "a");
  EXPECT_EQ(enumerate({"a", "b"}), "a and b");
  EXPECT_EQ(enumerate({"a", "b", "c"}, "or"), "a, b or c");
}

TEST(JoinKeyTest, QuotesWhatIsNoBareKey) {
  EXPECT_EQ(join_key("", "sinks"), "sinks");
  EXPECT_EQ(join_key("sinks", "a-b_1"), "sinks.a-b_1");
  EXPECT_EQ(join_key("sinks", "a.b"), "sinks.\"a.b\"");
  EXPECT_EQ(join_key("sinks", ""), "sinks.\"\"");
}

}  // namespace
}  // namespace flowrun::names_test
