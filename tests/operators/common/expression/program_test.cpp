// What an expression becomes: constant parts are worked out once and for all, equal parts are one
// step, and a step runs once a batch.
#include "operators/common/expression/program.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "flow/testing/harness.hpp"
#include "operators/common/expression/binder.hpp"
#include "operators/common/expression/syntax.hpp"
#include "operators/transforms/filter.hpp"

namespace flow::operators::program_test {
namespace {

class ExpressionProgramTest : public ::testing::Test {
 protected:
  int bind(const std::string& text) {
    const SyntaxNode syntax = parse_expression(text, "where");
    Binder binder(program_, batch_.schema(), text, "where");
    return binder.bind(syntax);
  }
  bool is_folded(const std::string& text) { return program_.is_constant(bind(text)); }

  flow::testing::Harness harness_ = flow::testing::Harness::of<Filter>({{"where", "true"}});
  Batch batch_ = harness_.batch({{"i", {1, 2, 3}}, {"t", {"a", "b", "c"}}});
  Program program_;
};

TEST_F(ExpressionProgramTest, ConstantPartsAreWorkedOutOnce) {
  for (const char* const text :
       {"1 + 2 * 3", "lower('ABC') matches '^a'", "'a' in ['a', 'b']", "length('naïve') > 4",
        "parse_time('28/Oct/2025', '%d/%b/%Y')", "sha256('abc')", "null and false", "not true",
        "coalesce(null, 5)", "if(1 < 2, 'x', 'y')", "ip_in_network('10.1.2.3', '10.0.0.0/8')"}) {
    EXPECT_TRUE(is_folded(text)) << text;
  }
  for (const char* const text : {"i + 1", "now()", "now() > '2025-10-28T00:00:00Z'", "t == 'a'"}) {
    EXPECT_FALSE(is_folded(text)) << text;
  }
  const Step& sum = program_.step(bind("i + (60 * 60 * 24)"));
  ASSERT_EQ(sum.inputs.size(), 2U);
  EXPECT_TRUE(program_.is_constant(sum.inputs[1]));
  EXPECT_EQ(*program_.step(sum.inputs[1]).result.as<int64_t>(), 86'400);
}

TEST_F(ExpressionProgramTest, EqualPartsAreOneStep) {
  EXPECT_EQ(bind("sha256(lower(t))"), bind("sha256( lower(`t`) )"));
  EXPECT_EQ(bind("i + 1 > 2"), bind("(`i` + 1) > 2"));
  EXPECT_NE(bind("lower(t)"), bind("upper(t)"));
  EXPECT_NE(bind("split(t, ',', 0)"), bind("split(t, ',', 1)"));
  EXPECT_NE(bind("t matches 'a'"), bind("t matches 'b'"));
  const Step& either = program_.step(bind("lower(t) == 'a' or lower(t) == 'b'"));
  ASSERT_EQ(either.inputs.size(), 2U);
  EXPECT_EQ(program_.step(either.inputs[0]).inputs[0], program_.step(either.inputs[1]).inputs[0]);
}

struct Count : StepData {
  mutable int runs = 0;
};

TEST_F(ExpressionProgramTest, StepThatSeveralOthersReadRunsOnceABatch) {
  const auto count = std::make_shared<const Count>();
  const Kernel copy = [](const StepCall& call) {
    ++call.data<Count>().runs;
    call.out.values = call.in[0]->values;
    call.out.nulls = nullptr;
  };
  const Kernel first = [](const StepCall& call) {
    call.out.values = call.in[0]->values;
    call.out.nulls = nullptr;
  };
  const int copied = program_.add("copy", Kind::kInt, copy, {bind("i")}, count);
  program_.set_root(program_.add("first", Kind::kInt, first,
                                 {copied, program_.add("one", Kind::kInt, first, {copied}),
                                  program_.add("other", Kind::kInt, first, {copied})}));
  for (int runs = 1; runs <= 3; ++runs) {
    const Vector& result = program_.run(batch_, 0);
    EXPECT_EQ(result.as<int64_t>()[2], 3);
    EXPECT_EQ(count->runs, runs);
  }
}

}  // namespace
}  // namespace flow::operators::program_test
