#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/common/expression/compiled_expression.hpp"
#include "operators/common/expression/functions.hpp"
#include "operators/transforms/filter.hpp"

namespace flow::operators::expression_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Table;
using flow::testing::TableColumn;

// Expressions over one batch, and what comes of them.
class Rows {
 public:
  explicit Rows(const Table& table)
      : harness_(Harness::of<Filter>({{"where", "true"}})), batch_(harness_.batch(table)) {}

  TableColumn column(const std::string& expression) {
    ExpressionEvaluator evaluator(CompiledExpression::compile(expression, "test"));
    Output maker(harness_.host().abi());
    const TypedColumn made = evaluator.evaluate(batch_, maker);
    const CompiledExpression& compiled = evaluator.expression();
    EXPECT_TRUE(compiled.infer(batch_.schema()).type == made.type) << expression;
    const Batch result = maker.make(batch_.rows(), {{"result", made}}, nullptr);
    return flow::testing::read_table(result).columns[0];
  }
  std::vector<Cell> operator()(const std::string& expression) { return column(expression).cells; }
  std::string refusal(const std::string& expression) {
    try {
      column(expression);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "accepted";
  }
  Batch& batch() { return batch_; }
  Harness& harness() { return harness_; }

 private:
  Harness harness_;
  Batch batch_;
};
using Cells = std::vector<Cell>;

Cell value(const std::string& expression) { return Rows({{"x", {1}}})(expression).at(0); }

TEST(Expression, ArithmeticBindsAsInSchool) {
  EXPECT_EQ(value("1 + 2 * 3"), Cell(7));
  EXPECT_EQ(value("(1 + 2) * 3"), Cell(9));
  EXPECT_EQ(value("7 - 2 - 1"), Cell(4));
  EXPECT_EQ(value("-2 * -3"), Cell(6));
  EXPECT_EQ(value("7 / 2"), Cell(3.5));
  EXPECT_EQ(value("7 % 4"), Cell(3));
  EXPECT_EQ(value("-7 % 4"), Cell(-3));
  EXPECT_EQ(value("7.5 % 2"), Cell(1.5));
  EXPECT_EQ(value("1 + 0.5"), Cell(1.5));
  EXPECT_EQ(value("-(x + 1)"), Cell(-2));
  EXPECT_EQ(value("1 + 1 == 2 and not 2 < 1 or false"), Cell(true));
}

TEST(Expression, WhatHasNoResultIsNull) {
  EXPECT_EQ(value("1 / 0"), Cell());
  EXPECT_EQ(value("x / (x - 1)"), Cell());
  EXPECT_EQ(value("x % 0"), Cell());
  EXPECT_EQ(value("1.5 % 0"), Cell());
  EXPECT_EQ(value("9223372036854775807 + x"), Cell());
  EXPECT_EQ(value("-9223372036854775808 - x"), Cell());
  EXPECT_EQ(value("9223372036854775807 * 2"), Cell());
  EXPECT_EQ(value("-(-9223372036854775808)"), Cell());
  EXPECT_EQ(value("abs(-9223372036854775808)"), Cell());
  EXPECT_EQ(value("-9223372036854775808 % -1"), Cell(0));
  EXPECT_EQ(value("sqrt(-1)"), Cell());
  EXPECT_EQ(value("log(0)"), Cell());
  EXPECT_EQ(value("to_int(1e300)"), Cell());
}

TEST(Expression, ThreeValuedLogic) {
  Rows rows({{"a", {true, true, true, false, false, false, nullptr, nullptr, nullptr}},
             {"b", {true, false, nullptr, true, false, nullptr, true, false, nullptr}}});
  EXPECT_EQ(rows("a and b"),
            (Cells{true, false, nullptr, false, false, false, nullptr, false, nullptr}));
  EXPECT_EQ(rows("a or b"),
            (Cells{true, true, true, true, false, nullptr, true, nullptr, nullptr}));
  EXPECT_EQ(rows("not a"),
            (Cells{false, false, false, true, true, true, nullptr, nullptr, nullptr}));
  EXPECT_EQ(rows("a == b"),
            (Cells{true, false, nullptr, false, true, nullptr, nullptr, nullptr, nullptr}));
  EXPECT_EQ(rows("b is null"), (Cells{false, false, true, false, false, true, false, false, true}));
  EXPECT_EQ(rows("b is not null and a"),
            (Cells{true, true, false, false, false, false, nullptr, nullptr, false}));
  EXPECT_EQ(rows("if(a, 1, 2)"), (Cells{1, 1, 1, 2, 2, 2, 2, 2, 2}));
  EXPECT_EQ(rows("coalesce(a, b, false)"),
            (Cells{true, true, true, false, false, false, true, false, false}));
  EXPECT_EQ(rows("a or null"),
            (Cells{true, true, true, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr}));
}

TEST(Expression, ListsAndPatterns) {
  Rows rows({{"t", {"GET", "POST", "", nullptr}}, {"n", {1, 2, 300, nullptr}}});
  EXPECT_EQ(rows("t in ['GET', '']"), (Cells{true, false, true, nullptr}));
  EXPECT_EQ(rows("t in ['a', 'b', 'c', 'd', 'e', 'POST']"), (Cells{false, true, false, nullptr}));
  EXPECT_EQ(rows("t not in ['GET']"), (Cells{false, true, true, nullptr}));
  EXPECT_EQ(rows("n in [300, -1, 1]"), (Cells{true, false, true, nullptr}));
  EXPECT_EQ(rows("n in [1.0, 2.5]"), (Cells{true, false, false, nullptr}));
  EXPECT_EQ(rows("n in [1, null]"), (Cells{true, nullptr, nullptr, nullptr}));
  EXPECT_EQ(rows("t matches '^P.*T$'"), (Cells{false, true, false, nullptr}));
  EXPECT_EQ(rows("t not matches 'O'"), (Cells{true, false, true, nullptr}));
}

TEST(Expression, CategoriesAreWorkedOutByEntry) {
  Rows rows({{"c", Type::category(), {"fr", "DE", nullptr, "fr", "Fr"}}, {"n", {1, 2, 3, 4, 5}}});
  EXPECT_EQ(rows("c == 'fr'"), (Cells{true, false, nullptr, true, false}));
  EXPECT_EQ(rows("c is null"), (Cells{false, false, true, false, false}));
  EXPECT_EQ(rows("length(c) + n"), (Cells{3, 4, nullptr, 6, 7}));
  const TableColumn upper = rows.column("upper(c)");
  EXPECT_TRUE(upper.type == Type::category());
  EXPECT_EQ(upper.cells, (Cells{"FR", "DE", nullptr, "FR", "FR"}));
  EXPECT_EQ(rows("coalesce(c, 'none')"), (Cells{"fr", "DE", "none", "fr", "Fr"}));
  EXPECT_EQ(rows("concat(c, n)"), (Cells{"fr1", "DE2", nullptr, "fr4", "Fr5"}));
  EXPECT_EQ(rows("c"), (Cells{"fr", "DE", nullptr, "fr", "Fr"}));
}

TEST(Expression, ANewDictionaryIsLookedAtAnew) {
  Rows rows({{"c", Type::category(), {"a", "b"}}});
  ExpressionEvaluator evaluator(CompiledExpression::compile("c == 'b'", "test"));
  const Host host = rows.harness().host().host();
  EXPECT_EQ(evaluator.select(rows.batch(), host).rows.size(), 1U);
  const Batch other = rows.harness().batch({{"c", Type::category(), {"b", "a", "b"}}});
  EXPECT_EQ(evaluator.select(other, host).rows.size(), 2U);
}

TEST(Expression, JsonTokensAreConvertedOnUse) {
  Rows rows({{"j", Type::json(), {"\"a\\u0062\"", "17", "true", "null", "[1]", "\"17\""}}});
  EXPECT_EQ(rows("j == 17"), (Cells{nullptr, true, nullptr, nullptr, nullptr, true}));
  EXPECT_EQ(rows("j + 1"), (Cells{nullptr, 18.0, nullptr, nullptr, nullptr, 18.0}));
  EXPECT_EQ(rows("lower(j)"), (Cells{"ab", nullptr, nullptr, nullptr, nullptr, "17"}));
  EXPECT_EQ(rows("to_text(j)"), (Cells{"ab", "17", "true", nullptr, "[1]", "17"}));
  EXPECT_EQ(rows("j is null"), (Cells{false, false, false, true, false, false}));
  EXPECT_EQ(rows("not j"), (Cells{nullptr, nullptr, false, nullptr, nullptr, nullptr}));
  EXPECT_EQ(rows("to_int(j)"), (Cells{nullptr, 17, nullptr, nullptr, nullptr, 17}));
  EXPECT_EQ(rows("get(j, '[0]')"), (Cells{nullptr, nullptr, nullptr, nullptr, "1", nullptr}));
}

TEST(Expression, PathsIntoJson) {
  Rows rows(
      {{"t", {R"({"a":{"b":[1,{"c":"x"}]},"a b":2, "d":null})", "{\"a\":", "no", "{\"a\":[1}}"}}});
  EXPECT_EQ(rows("get(t, 'a.b[1].c') == 'x'"), (Cells{true, nullptr, nullptr, nullptr}));
  EXPECT_EQ(rows("get(t, '[\"a b\"]') == 2"), (Cells{true, nullptr, nullptr, nullptr}));
  EXPECT_EQ(rows("get(t, 'd')"), (Cells{nullptr, nullptr, nullptr, nullptr}));
  EXPECT_EQ(rows("get(t, 'a')"), (Cells{R"({"b":[1,{"c":"x"}]})", nullptr, nullptr, nullptr}));
  EXPECT_NE(rows.refusal("get(t, 'a..b')").find("column 8"), std::string::npos);
}

TEST(Expression, TimestampsCountInSeconds) {
  Rows rows({{"at", Type::timestamp(), {int64_t{1761646530} * 1'000'000'000, nullptr}}});
  EXPECT_EQ(rows("at == '2025-10-28T10:15:30Z'"), (Cells{true, nullptr}));
  EXPECT_EQ(rows("'2025-10-28T10:15:31Z' <= at"), (Cells{false, nullptr}));
  EXPECT_EQ(rows("at - at"), (Cells{0.0, nullptr}));
  EXPECT_EQ(rows("at + 1.5 - at"), (Cells{1.5, nullptr}));
  EXPECT_EQ(rows("format_time(truncate(at, 'month', 'Europe/Paris'), 'rfc3339')"),
            (Cells{"2025-09-30T22:00:00Z", nullptr}));
  EXPECT_EQ(rows("truncate(at, 'week') == '2025-10-27T00:00:00Z'"), (Cells{true, nullptr}));
}

TEST(Expression, NowIsTheHostsClock) {
  Rows rows({{"x", {1, 2}}});
  rows.harness().set_clock(5'000'000'000);
  EXPECT_EQ(rows("now() - 1 == '1970-01-01T00:00:04Z'"), (Cells{true, true}));
  EXPECT_EQ(rows("now()"), (Cells{int64_t{5'000'000'000}, int64_t{5'000'000'000}}));
  EXPECT_EQ(CompiledExpression::compile("1 + length(to_text(now()))", "t").reads_clock(), 19U);
  EXPECT_EQ(CompiledExpression::compile("`now` + 1", "t").reads_clock(), std::nullopt);
}

TEST(Expression, CharactersAreCodePoints) {
  EXPECT_EQ(value("length('naïve 日本')"), Cell(8));
  EXPECT_EQ(value("substring('日本語', 1, 1)"), Cell("本"));
  EXPECT_EQ(value("substring('日本語', -2)"), Cell("本語"));
  EXPECT_EQ(value("substring('abc', -5, 3)"), Cell("a"));
  EXPECT_EQ(value("substring('abc', 5)"), Cell(""));
  EXPECT_EQ(value("substring('abc', 1, -1)"), Cell(""));
  EXPECT_EQ(value("upper('straße é ж')"), Cell("STRAßE É Ж"));
  EXPECT_EQ(value("trim('ééaé', 'é')"), Cell("a"));
}

TEST(Expression, PiecesOfLongTextsShareTheirBytes) {
  const std::string text = "   some text that is longer than a view holds itself   ";
  Rows rows({{"t", {text.c_str(), "short", nullptr}}});
  ExpressionEvaluator evaluator(CompiledExpression::compile("trim(t)", "test"));
  Output maker(rows.harness().host().abi());
  const TypedColumn made = evaluator.evaluate(rows.batch(), maker);
  const flow_column& source = *rows.batch().find("t");
  ASSERT_EQ(made.column->n_data, 1);
  EXPECT_EQ(made.column->data[0], source.data[0]);
}

TEST(Expression, TypeErrorsNameTheirColumn) {
  Rows rows({{"n", {1}},
             {"t", {"a"}},
             {"b", {true}},
             {"at", Type::timestamp(), {0}},
             {"s", {Cell::structure({{"lat", 1.0}})}}});
  for (const auto& [expression, said] : std::vector<std::pair<std::string, std::string>>{
           {"n == 'a'", "column 6: an int and a text cannot be compared"},
           {"b > true", "column 5: true and false have no order"},
           {"n and b", "column 1: true or false is needed"},
           {"lower(n)", "column 7: a text is needed here, but this is an int"},
           {"t + t", "column 3: texts are joined with concat"},
           {"t + 'x' * 2", "column 5"},
           {"at == 5", "column 7"},
           {"at == 'soon'", "column 7: this is no time"},
           {"s == 1", "column 6"},
           {"if(b, 1, 'a')", "column 10: both must be of one type"},
           {"t matches '('", "column 11: the regular expression does not compile"},
           {"t matches t", "column 11: a regular expression (RE2) is needed"},
           {"lowwer(t)", "did you mean 'lower'?"},
           {"n in [n]", "column 7: a list holds literals"},
           {"truncate(at, 'eon')", "column 14: there is no unit 'eon'"},
           {"parse_time(t, '%Q')", "column 15"},
           {"format_time(at, '%Y', 'Mars')", "column 23: there is no time zone"},
           {"ip_in_network(t, '10.0.0.0/33')", "column 18"},
           {"s", "column 1: a struct or list is no result"}}) {
    EXPECT_NE(rows.refusal(expression).find(said), std::string::npos)
        << expression << " -> " << rows.refusal(expression);
  }
}

TEST(Expression, FieldsThatAreNotThereAreNullAndNamed) {
  Rows rows({{"status", {1}}});
  EXPECT_EQ(rows("stats + 1"), (Cells{nullptr}));
  ExpressionEvaluator evaluator(CompiledExpression::compile("stats > 1", "where"));
  evaluator.select(rows.batch(), rows.harness().host().host());
  EXPECT_EQ(
      evaluator.take_missing(),
      (std::vector<std::string>{"where: column 1: there is no field 'stats' in the input (did "
                                "you mean 'status'?); it counts as null"}));
  EXPECT_TRUE(evaluator.take_missing().empty());
}

TEST(Expression, FieldThatIsOnlyAskedForIsNamedWhereItMayBeASlip) {
  Rows rows({{"status", {1}}});
  const auto named = [&](const char* condition) {
    ExpressionEvaluator evaluator(CompiledExpression::compile(condition, "where"));
    evaluator.select(rows.batch(), rows.harness().host().host());
    return evaluator.take_missing().size();
  };
  EXPECT_EQ(named("request_id is not null"), 0U);
  EXPECT_EQ(named("request_id is null and request_id is null"), 0U);
  EXPECT_EQ(named("stats is not null"), 1U) << "'status' may be meant";
  EXPECT_EQ(named("request_id is null or request_id == 'a'"), 1U);
  EXPECT_EQ(named("request_id == 'a' or request_id is null"), 1U);
  EXPECT_EQ(named("length(request_id) is null"), 1U);
}

TEST(Expression, EveryExampleOfAFunctionIsTrue) {
  for (const Function& function : functions()) {
    EXPECT_EQ(value(std::string(function.example)), value(std::string(function.expected)))
        << function.example;
    EXPECT_NE(function.example.find(function.name), std::string_view::npos) << function.name;
    EXPECT_TRUE(function.signature.starts_with(function.name)) << function.name;
  }
}

}  // namespace
}  // namespace flow::operators::expression_test
