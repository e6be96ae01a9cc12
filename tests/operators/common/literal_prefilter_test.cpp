#include "operators/common/literal_prefilter.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operators/common/required_literals.hpp"

namespace flow::operators::literal_prefilter_test {
namespace {

using Clauses = std::vector<LiteralClause>;

TEST(RequiredLiterals, AreReadOutOfThePattern) {
  const std::pair<const char*, Clauses> table[] = {
      {"Chrome", {{"chrome"}}},
      {"Chrome/(\\d+)\\.(\\d+)", {{"chrome/"}}},
      {"(Foo|Bar)Pad", {{"barpad", "foopad"}}},
      {"[Aa]ndroid.*Build", {{"android"}, {"build"}}},
      {"; *(?:SAMSUNG|LG) ?Z", {{"lgz", "lg z", "samsungz", "samsung z"}}},
      {"abc(?:de|)", {{"abc"}}},
      {"abc?x", {{"abx", "abcx"}}},
      {"(?:ab\\d|cd.)+", {{"ab", "cd"}}},
      {"(?:abc.*de|xyz)", {{"abc", "xyz"}, {"de", "xyz"}}},
      {"(?:ab|cd)*xy", {{"xy"}}},
      {"ab{0,2}cd", {{"cd"}}},
      {"(?:abc){2,3}", {{"abc"}}},
      {"a\\/b\\.c", {{"a/b.c"}}},
      {"^x$", {}},
      {"\\d+", {}},
      {"(?:ab|\\d)", {}},
      {"ab|", {}},
      {"(?i)AbC", {{"abc"}}},
      {"prohl\xC3\xAD\x7A"
       "ab",
       {{"prohl"}, {"zab"}}},
      {"ab{x", {{"ab{x"}}},
      {"", {}},
  };
  for (const auto& [pattern, expected] : table) {
    const LiteralRequirement requirement = required_literals(pattern);
    EXPECT_TRUE(requirement.understood) << pattern << ": " << requirement.reason;
    EXPECT_EQ(requirement.clauses, expected) << pattern;
  }
}

TEST(RequiredLiterals, LongCountsOfSingleCharactersAreOpenedInTheRelaxedForm) {
  struct Row {
    const char* pattern;
    const char* relaxed;
    std::size_t limit;
  };
  const Row table[] = {
      {".{1,200}Mobile.{0,100}?x", ".+Mobile.*?x", 100},
      {"([^;/]{1,100}?)(?: Build|\\) Apple)", "([^;/]+?)(?: Build|\\) Apple)", 100},
      {"\\d{2,50}", "\\d{2,}", 50},
      {" {0,2}x{40}", "", 0},
      {"(?:ab){0,50}", "", 0},
      {"\\{1,200}", "", 0},
      {"[{1,200}]", "", 0},
  };
  for (const auto& [pattern, relaxed, limit] : table) {
    const LiteralRequirement requirement = required_literals(pattern);
    EXPECT_EQ(requirement.relaxed, relaxed) << pattern;
    EXPECT_EQ(requirement.relaxed_limit, limit) << pattern;
  }
}

TEST(RequiredLiterals, UnknownSyntaxIsSaidSo) {
  for (const char* const pattern : {"(?=a)", "(?<!a)b", "(a)\\1", "a(b", "a)b", "[ab", "*a", "a**",
                                    "a\\", "\\p{L}", "(?x:a)", "a{3,2}", "a{5000}"}) {
    const LiteralRequirement requirement = required_literals(pattern);
    EXPECT_FALSE(requirement.understood) << pattern;
    EXPECT_FALSE(requirement.reason.empty()) << pattern;
    EXPECT_TRUE(requirement.clauses.empty()) << pattern;
  }
  EXPECT_FALSE(required_literals(std::string(100000, '(')).understood);
}

std::vector<std::size_t> candidates_for(const LiteralPrefilter& prefilter, std::string_view text) {
  LiteralPrefilter::Candidates candidates;
  prefilter.scan(text, candidates);
  std::vector<std::size_t> found;
  const std::size_t end = prefilter.expression_count();
  for (std::size_t i = candidates.next(0, end); i < end; i = candidates.next(i + 1, end))
    found.push_back(i);
  return found;
}

TEST(LiteralPrefilter, ExpressionsPassWhenAllTheirClausesHold) {
  std::vector<LiteralRequirement> requirements(4);
  requirements[0].clauses = {{"she", "ushers"}, {"he"}};
  requirements[1].clauses = {{"hers"}};
  requirements[3].clauses = {{"us"}, {"zz"}};
  const LiteralPrefilter prefilter(requirements);
  using Found = std::vector<std::size_t>;
  EXPECT_EQ(candidates_for(prefilter, "USHERS"), (Found{0, 1, 2}));
  EXPECT_EQ(candidates_for(prefilter, "he he"), (Found{2}));
  EXPECT_EQ(candidates_for(prefilter, "she"), (Found{0, 2}));
  EXPECT_EQ(candidates_for(prefilter, "zzus"), (Found{2, 3}));
  EXPECT_EQ(candidates_for(prefilter, ""), (Found{2}));
}

TEST(LiteralPrefilter, WithoutExpressionsNothingPasses) {
  EXPECT_TRUE(candidates_for(LiteralPrefilter({}), "anything").empty());
}

}  // namespace
}  // namespace flow::operators::literal_prefilter_test
