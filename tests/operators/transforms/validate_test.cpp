#include "operators/transforms/validate.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::validate_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;
using Names = std::vector<std::string>;
using Rules = std::vector<std::pair<std::string, Setting>>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Settings schema(const Rules& fields) { return {{"schema", Setting::table(fields)}}; }

Harness of_field(const std::string& name, const Rules& rules) {
  return Harness::of<Validate>(schema({{name, Setting::table(rules)}}));
}

// The reasons for which the rows of one column fail, in their order.
Names reasons(const Rules& rules, const std::vector<Cell>& cells, Type type) {
  auto harness = of_field("v", rules);
  harness.push({{"v", std::move(type), cells}});
  Names result;
  for (const auto& failed : harness.failed()) result.push_back(failed.reason);
  EXPECT_EQ(harness.pull().rows() + static_cast<int64_t>(result.size()),
            static_cast<int64_t>(cells.size()));
  return result;
}

std::string refusal(const Rules& rules) {
  try {
    of_field("v", rules);
  } catch (const std::runtime_error& failure) {
    return failure.what();
  }
  return "";
}

TEST(Validate, GoodRowsPassWithTheirQuality) {
  auto harness = of_field("v", {{"type", "float"}, {"min", 0}, {"max", 10}});
  harness.push({{"v", {0.0, 10.0, nullptr}}, {"x", {1, 2, 3}}});
  const Table table = harness.pull();
  EXPECT_EQ(table["quality"], (std::vector<Cell>{"good", "good", "good"}));
  EXPECT_EQ(table["quality_rule"], (std::vector<Cell>{nullptr, nullptr, nullptr}));
  EXPECT_EQ(table["x"], (std::vector<Cell>{1, 2, 3}));
  EXPECT_TRUE(harness.failed().empty());
}

TEST(Validate, BrokenRuleIsTheReasonAndTheValueIsInTheMessage) {
  auto harness = of_field("v", {{"min", 0}, {"max", 10}});
  harness.push({{"v", {5.0, -0.5, 10.25}}});
  ASSERT_EQ(harness.failed().size(), 2U);
  EXPECT_EQ(harness.failed()[0].reason, "min");
  EXPECT_EQ(harness.failed()[0].message, "validate: field 'v': -0.5 is below the minimum 0");
  EXPECT_EQ(harness.failed()[1].reason, "max");
  EXPECT_EQ(harness.failed()[1].message, "validate: field 'v': 10.25 is above the maximum 10");
  EXPECT_EQ(harness.pull()["v"], (std::vector<Cell>{5.0}));
}

TEST(Validate, NanAndInfinitiesAreNeverFinite) {
  const std::vector<Cell> cells = {1.0, kNan, kInfinity, -kInfinity};
  const Names all = {"not_finite", "not_finite", "not_finite"};
  EXPECT_EQ(reasons({{"type", "float"}}, cells, Type::float64()), all);
  EXPECT_EQ(reasons({{"min", 0}}, cells, Type::float64()), all);
  EXPECT_EQ(reasons({{"required", true}}, cells, Type::float64()), all);
  EXPECT_EQ(reasons({{"type", "float"}}, {"nan", "inf", "1e400"}, Type::text()),
            (Names{"not_finite", "not_finite", "type"}));
}

TEST(Validate, RequiredFieldIsNeitherNullNorAbsent) {
  EXPECT_EQ(reasons({{"required", true}}, {"a", nullptr}, Type::text()), (Names{"required"}));
  auto harness = of_field("gone", {{"required", true}});
  harness.push({{"v", {1, 2}}});
  ASSERT_EQ(harness.failed().size(), 2U);
  EXPECT_EQ(harness.failed()[0].message, "validate: field 'gone' is not there");
  auto lenient = of_field("gone", {{"min", 1}});
  lenient.push({{"v", {1, 2}}});
  EXPECT_EQ(lenient.pull().rows(), 2);
}

TEST(Validate, IntegersAreComparedExactly) {
  const int64_t large = int64_t{1} << 60;
  EXPECT_EQ(reasons({{"max", Setting(large)}}, {large, large + 1}, Type::int64()), (Names{"max"}));
  EXPECT_EQ(reasons({{"min", 0.5}, {"max", 2.5}}, {0, 1, 2, 3}, Type::int64()),
            (Names{"min", "max"}));
  EXPECT_EQ(reasons({{"type", "int"}}, {1.0, 1.5, 2.0}, Type::float64()), (Names{"type"}));
}

TEST(Validate, TextsCountAsWhatTheySpell) {
  EXPECT_EQ(reasons({{"type", "int"}, {"max", 9}}, {"9", "10", "1.5", "", "x", " 1"}, Type::text()),
            (Names{"max", "type", "type", "type", "type"}));
  EXPECT_EQ(reasons({{"type", "float"}, {"min", 1}}, {"1.5", "0.5", "1,5"}, Type::category()),
            (Names{"min", "type"}));
  EXPECT_EQ(reasons({{"type", "bool"}}, {"true", "yes"}, Type::text()), (Names{"type"}));
  EXPECT_EQ(reasons({{"type", "timestamp"}, {"min", "2000-01-01T00:00:00Z"}},
                    {"2025-10-28T10:15:30Z", "1999-12-31T23:59:59Z", "today"}, Type::text()),
            (Names{"min", "type"}));
  EXPECT_EQ(reasons({{"type", "float"}, {"max", 9}}, {"8", "\"9.5\"", "[]", "null"}, Type::json()),
            (Names{"max", "type"}));
}

TEST(Validate, TimestampsHaveBounds) {
  auto harness = of_field(
      "v",
      {{"type", "timestamp"}, {"min", "2000-01-01T00:00:00Z"}, {"max", "2099-12-31T23:59:59Z"}});
  harness.push({{"v", Type::timestamp(), {0, int64_t{1761646530000000000}, INT64_MAX}}});
  ASSERT_EQ(harness.failed().size(), 2U);
  EXPECT_EQ(harness.failed()[0].message,
            "validate: field 'v': 1970-01-01T00:00:00Z is below the minimum 2000-01-01T00:00:00Z");
  EXPECT_EQ(harness.failed()[1].reason, "max");
}

TEST(Validate, RulesOfTextHoldForTextsAndCategories) {
  for (const Type& type : {Type::text(), Type::category(), Type::binary()}) {
    EXPECT_EQ(reasons({{"pattern", "^d-[0-9]+$"}}, {"d-1", "d-", "d-1", "xd-1"}, type),
              (Names{"pattern", "pattern"}));
    EXPECT_EQ(reasons({{"one_of", Names{"a", "a longer one of them"}}},
                      {"a", "a longer one of them", "b", nullptr}, type),
              (Names{"one_of"}));
    EXPECT_EQ(reasons({{"max_length", 3}}, {"abc", "abcd", "\xC3\xA9\xC3\xA9\xC3\xA9"}, type),
              (Names{"max_length"}));
  }
  EXPECT_EQ(reasons({{"type", "text"}}, {"a", "\xFF"}, Type::binary()), (Names{"type"}));
}

TEST(Validate, NumbersCanBeOneOfSome) {
  Value list;
  list.type = FLOW_OPTION_LIST;
  for (const int number : {1, 5}) list.items.emplace_back("", Setting(number).value());
  EXPECT_EQ(reasons({{"one_of", Setting(list)}}, {1, 2, 5}, Type::int64()), (Names{"one_of"}));
  EXPECT_EQ(reasons({{"one_of", Setting(list)}}, {1.0, 5.5}, Type::float64()), (Names{"one_of"}));
}

TEST(Validate, UnusualValuesAreSuspectAndStay) {
  auto harness = of_field("v", {{"max", 100}, {"expected_min", 10}, {"expected_max", 20}});
  harness.push({{"v", {15, 5, 21, 101}}});
  const Table table = harness.pull();
  EXPECT_EQ(table["quality"], (std::vector<Cell>{"good", "suspect", "suspect"}));
  EXPECT_EQ(table["quality_rule"],
            (std::vector<Cell>{nullptr, "v.expected_min", "v.expected_max"}));
  EXPECT_EQ(harness.failed().size(), 1U);
  EXPECT_EQ(harness.metric("suspect_rows"), 2);
}

TEST(Validate, NotStrictKeepsBadRows) {
  Settings settings = schema({{"v", Setting::table({{"max", 10}, {"expected_max", 5}})}});
  settings.emplace_back("strict", false);
  settings.emplace_back("quality", "q");
  auto harness = Harness::of<Validate>(settings);
  harness.push({{"v", {1, 11, 6}}});
  const Table table = harness.pull();
  EXPECT_EQ(table["q"], (std::vector<Cell>{"good", "bad", "suspect"}));
  EXPECT_EQ(table["q_rule"], (std::vector<Cell>{nullptr, "v.max", "v.expected_max"}));
  EXPECT_TRUE(harness.failed().empty());
}

TEST(Validate, FirstFieldOfTheSchemaCountsAndBadOutweighsSuspect) {
  Settings settings = schema({{"a", Setting::table({{"expected_max", 1}})},
                              {"b", Setting::table({{"max", 1}})},
                              {"c", Setting::table({{"max", 1}})}});
  auto harness = Harness::of<Validate>(settings);
  harness.push({{"c", {2, 0}}, {"b", {2, 0}}, {"a", {2, 2}}});
  ASSERT_EQ(harness.failed().size(), 1U);
  EXPECT_NE(harness.failed()[0].message.find("'b'"), std::string::npos);
  EXPECT_EQ(harness.pull()["quality"], (std::vector<Cell>{"suspect"}));
}

TEST(Validate, MarksOfABatchDoNotReachTheNext) {
  auto harness = of_field("v", {{"max", 10}, {"expected_max", 5}});
  for (int round = 0; round < 3; ++round) {
    harness.push({{"v", {11, 6, 1, 1, 1}}});
    harness.push({{"v", {1, 1}}});
    harness.push({{"v", {1, 1, 1}}});
    EXPECT_EQ(harness.pull()["quality"],
              (std::vector<Cell>{"suspect", "good", "good", "good", "good", "good", "good", "good",
                                 "good"}));
  }
}

TEST(Validate, NestedFieldsAreReached) {
  auto harness = of_field("o.v", {{"max", 10}});
  harness.push({{"o", {Cell::structure({{"v", 5}}), Cell::structure({{"v", 50}})}}});
  EXPECT_EQ(harness.pull().rows(), 1);
}

TEST(Validate, ColumnThatTheRulesCannotBeAskedOfIsAClearError) {
  auto harness = of_field("v", {{"type", "float"}});
  try {
    harness.push({{"v", {true}}});
    FAIL();
  } catch (const std::runtime_error& failure) {
    EXPECT_NE(std::string(failure.what()).find("cast"), std::string::npos);
  }
}

TEST(Validate, MistakesInTheSchemaAreNamed) {
  EXPECT_NE(refusal({{"mim", 1}}).find("did you mean 'min'?"), std::string::npos);
  EXPECT_NE(refusal({{"type", "flaot"}}).find("did you mean 'float'?"), std::string::npos);
  EXPECT_NE(refusal({{"pattern", "("}}).find("pattern: "), std::string::npos);
  EXPECT_NE(refusal({{"min", 2}, {"max", 1}}).find("above"), std::string::npos);
  EXPECT_NE(refusal({{"type", "text"}, {"min", 2}}), "");
  EXPECT_NE(refusal({{"type", "float"}, {"pattern", "a"}}), "");
  EXPECT_NE(refusal({{"pattern", "a"}, {"min", 1}}), "");
  EXPECT_NE(refusal({{"type", "timestamp"}, {"min", 1}}), "");
  EXPECT_NE(refusal({{"one_of", Names{}}}), "");
  EXPECT_NE(refusal({{"max_length", -1}}), "");
  EXPECT_THROW(Harness::of<Validate>(schema({})), std::runtime_error);
  EXPECT_EQ(refusal({{"min", 1}}), "");
}

TEST(Validate, BinaryNoiseAndLongTextsAreShownInPart) {
  auto harness = of_field("v", {{"pattern", "^a$"}});
  harness.push(
      {{"v", Type::binary(), {std::string("\xFF\x00\xFE", 3), std::string(1 << 20, 'x')}}});
  ASSERT_EQ(harness.failed().size(), 2U);
  for (const auto& failed : harness.failed()) EXPECT_LT(failed.message.size(), 300U);
}

}  // namespace
}  // namespace flow::operators::validate_test
