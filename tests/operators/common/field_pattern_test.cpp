#include "operators/common/field_pattern.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flow::operators::field_pattern_test {
namespace {

using Captures = std::vector<std::string_view>;

TEST(FieldPattern, MatchesTheWholeName) {
  EXPECT_TRUE(FieldPattern("host").matches("host"));
  EXPECT_FALSE(FieldPattern("host").matches("hosts"));
  EXPECT_FALSE(FieldPattern("host").matches("hos"));
  EXPECT_TRUE(FieldPattern("*").matches(""));
  EXPECT_TRUE(FieldPattern("user.*").matches("user.a.b"));
  EXPECT_FALSE(FieldPattern("user.*").matches("username"));
  EXPECT_TRUE(FieldPattern("*_id").matches("_id_id"));
  EXPECT_FALSE(FieldPattern("?").matches(""));
  EXPECT_TRUE(FieldPattern("a*b*c").matches("abbcbc"));
  EXPECT_FALSE(FieldPattern("a*b*c").matches("abbcb"));
}

TEST(FieldPattern, WildcardsTakeAsLittleAsTheyCan) {
  EXPECT_EQ(FieldPattern("*_*").captures("a_b_c"), (Captures{"a", "b_c"}));
  EXPECT_EQ(FieldPattern("?*.*").captures("ab.c.d"), (Captures{"a", "b", "c.d"}));
  EXPECT_EQ(FieldPattern("*a?").captures("xaayab"), (Captures{"xaay", "b"}));
  EXPECT_EQ(FieldPattern("x").captures("x"), Captures{});
}

TEST(FieldPattern, BackslashTakesTheNextCharacterAsItIs) {
  EXPECT_TRUE(FieldPattern("a\\*").matches("a*"));
  EXPECT_FALSE(FieldPattern("a\\*").matches("ab"));
  EXPECT_EQ(FieldPattern("a\\?\\\\").name(), "a?\\");
  EXPECT_TRUE(FieldPattern("a\\").matches("a\\"));
}

TEST(FieldPattern, IsFilledWithWhatAnotherOneFound) {
  EXPECT_EQ(FieldPattern("id_*").filled({"user"}), "id_user");
  EXPECT_EQ(FieldPattern("*/*").filled({"a", "b"}), "a/b");
  EXPECT_EQ(FieldPattern("x").filled({"a"}), "x");
}

TEST(FieldPattern, ManyStarsDoNotTakeExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 30; ++i) pattern += "a*";
  EXPECT_FALSE(FieldPattern(pattern + "b").matches(std::string(5000, 'a')));
}

}  // namespace
}  // namespace flow::operators::field_pattern_test
