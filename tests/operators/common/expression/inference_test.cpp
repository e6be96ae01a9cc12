// What operators with expressions say of them before a run.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flow/testing/contract/inference_check.hpp"
#include "flow/testing/harness.hpp"
#include "operators/transforms/compute.hpp"
#include "operators/transforms/filter.hpp"
#include "operators/transforms/route.hpp"

namespace flow::operators::inference_test {
namespace {

using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;
using flow::testing::contract::Inferred;
using Texts = std::vector<std::string>;
using Dependences = std::vector<std::pair<uint64_t, std::string>>;

const Table kRows = {{"status", {200}}, {"host", {"a"}}};

Inferred inferred(Harness harness, bool known = true) {
  const Batch batch = harness.batch(kRows);
  std::optional<Inferred> answers =
      flow::testing::contract::infer_schemas(harness.component(), harness.host().abi(),
                                             FLOW_ROLE_NONE, {known ? &batch.schema() : nullptr});
  EXPECT_TRUE(answers && answers->status == FLOW_DONE);
  EXPECT_EQ(answers->misuse, Texts());
  return *answers;
}

Harness filtering(const std::string& where) { return Harness::of<Filter>({{"where", where}}); }
Harness routing(const Settings& routes) {
  return Harness::of<Route>({{"routes", Setting::table(routes)}});
}
Harness computing(const Settings& fields) {
  return Harness::of<Compute>({{"fields", Setting::table(fields)}});
}

TEST(ExpressionInference, AMissingFieldIsAWarningWithTheNearestName) {
  const Inferred answers =
      inferred(computing({{"big", "stats > 100"}, {"bad", "big and hots == host"}}));
  EXPECT_EQ(answers.warnings,
            (Texts{"fields.big: there is no field 'stats' in the input; it counts as null (did you "
                   "mean 'status'?)",
                   "fields.bad: there is no field 'hots' in the input; it counts as null (did you "
                   "mean 'host'?)"}));
  EXPECT_EQ(answers.problems, Texts());
  EXPECT_EQ(answers.outputs.at(0).schema->n_fields, 4U);
}

TEST(ExpressionInference, AConditionThatCanNeverBeTrueIsAnErrorOfFilterOnly) {
  const Inferred filter = inferred(filtering("stats > 100"));
  EXPECT_EQ(filter.problems,
            Texts{"where: there is no field 'stats' in the input (did you mean 'status'?)"});
  EXPECT_EQ(filter.warnings, Texts());

  const Inferred route = inferred(routing({{"big", "stats > 100"}, {"other", "status > 1"}}));
  EXPECT_EQ(route.problems, Texts());
  EXPECT_EQ(route.warnings, Texts{"routes.big: there is no field 'stats' in the input; it counts "
                                  "as null (did you mean 'status'?)"});
  EXPECT_EQ(route.outputs.size(), 3U);
}

TEST(ExpressionInference, AConditionThatCanStillBeTrueIsAWarning) {
  const Inferred answers = inferred(filtering("status > 100 or nothing_like_it == 1"));
  EXPECT_EQ(answers.problems, Texts());
  EXPECT_EQ(answers.warnings, Texts{"where: there is no field 'nothing_like_it' in the input; it "
                                    "counts as null (it has status, host)"});
  EXPECT_EQ(answers.outputs.size(), 1U);
}

TEST(ExpressionInference, NothingIsSaidOfFieldsWhereTheInputIsNotKnown) {
  EXPECT_EQ(inferred(filtering("stats > 100"), false).warnings, Texts());
  EXPECT_EQ(inferred(computing({{"big", "stats > 100"}}), false).warnings, Texts());
  EXPECT_EQ(inferred(routing({{"big", "stats > 100"}}), false).warnings, Texts());
}

TEST(ExpressionInference, NowDependsOnTheClockWhetherOrNotTheInputIsKnown) {
  for (const bool known : {true, false}) {
    EXPECT_EQ(
        inferred(filtering("status > 1 and now() > '2025-01-01T00:00:00Z'"), known).dependences,
        (Dependences{{FLOW_CLOCK_DEPENDENT, "where: calls now()"}}));
    EXPECT_EQ(
        inferred(computing({{"a", "1 + status"}, {"b", "a + nothing"}, {"c", "now()"}}), known)
            .dependences,
        (Dependences{{FLOW_CLOCK_DEPENDENT, "fields.c: calls now()"}}));
    EXPECT_EQ(inferred(routing({{"late", "now() is null"}}), known).dependences,
              (Dependences{{FLOW_CLOCK_DEPENDENT, "routes.late: calls now()"}}));
    EXPECT_EQ(inferred(filtering("status > 1"), known).dependences, Dependences());
  }
}

// A host of the version before those two calls gives memory that ends in front of them.
TEST(ExpressionInference, AnOlderHostIsToldNeither) {
  Harness harness = computing({{"a", "if(now() is null, 1, nothing)"}});
  const auto* schemas = static_cast<const flow_schemas*>(
      harness.component()->extension(harness.component(), FLOW_EXTENSION_SCHEMAS));
  ASSERT_NE(schemas, nullptr);
  const Batch batch = harness.batch(kRows);
  const flow_known_schema known{.size = sizeof known, .open = 0, .schema = &batch.schema()};
  const flow_known_schema* const inputs[] = {&known};
  uint32_t outputs = 0;
  flow_inference inference{};
  inference.size = offsetof(flow_inference, warn);
  inference.n_inputs = 1;
  inference.self = &outputs;
  inference.inputs = inputs;
  inference.output = [](const flow_inference* asked, uint32_t, const flow_known_schema* output) {
    *static_cast<uint32_t*>(asked->self) = output->schema->n_fields;
  };
  inference.problem = [](const flow_inference*, const flow_option_problem* problem) {
    ADD_FAILURE() << problem->message;
  };
  inference.warn = [](const flow_inference*, const flow_option_problem*) {
    ADD_FAILURE() << "looked behind the end";
  };
  inference.depend = [](const flow_inference*, uint64_t, const flow_option_problem*) {
    ADD_FAILURE() << "looked behind the end";
  };
  EXPECT_EQ(schemas->infer(harness.component(), harness.host().abi(), FLOW_ROLE_NONE, &inference),
            FLOW_DONE);
  EXPECT_EQ(outputs, 3U);
}

}  // namespace
}  // namespace flow::operators::inference_test
