#include "operators/transforms/compute.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::compute_test {
namespace {

using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Table;

Harness computing(const std::vector<std::pair<std::string, std::string>>& fields) {
  flow::testing::Settings table;
  for (const auto& [name, expression] : fields) table.emplace_back(name, expression);
  return Harness::of<Compute>({{"fields", Setting::table(table)}});
}

TEST(Compute, LaterFieldsSeeEarlierOnes) {
  auto harness = computing({{"kb", "bytes / 1024"}, {"big", "kb > 2"}});
  harness.push({{"bytes", {1024, 4096, nullptr}}});
  EXPECT_EQ(harness.pull(), (Table{{"bytes", {1024, 4096, nullptr}},
                                   {"kb", {1.0, 4.0, nullptr}},
                                   {"big", {false, true, nullptr}}}));
}

TEST(Compute, AFieldThatIsThereIsReplacedInItsPlace) {
  auto harness = computing({{"a", "to_text(a + 1)"}});
  harness.push({{"a", {1, 2}}, {"b", {3, 4}}});
  EXPECT_EQ(harness.pull(), (Table{{"a", {"2", "3"}}, {"b", {3, 4}}}));
}

TEST(Compute, LongTextsSurviveTheirBatch) {
  auto harness = computing({{"t", "concat(substring(t, 2), ' and a literal of some length')"},
                            {"u", "if(t is null, 'nothing that fits into a view', upper(t))"}});
  harness.push({{"t", {"a text that is longer than a view", nullptr}}});
  EXPECT_EQ(harness.pull(),
            (Table{{"t", {"text that is longer than a view and a literal of some length", nullptr}},
                   {"u",
                    {"TEXT THAT IS LONGER THAN A VIEW AND A LITERAL OF SOME LENGTH",
                     "nothing that fits into a view"}}}));
}

TEST(Compute, MistakesNameTheirFieldAndColumn) {
  for (const auto& [expression, said] : std::vector<std::pair<std::string, std::string>>{
           {"lower(v", "fields.f: column 8"}, {"lower(v)", "fields.f: column 7"}}) {
    try {
      auto harness = computing({{"f", expression}});
      harness.push({{"v", {1}}});
      ADD_FAILURE() << expression << " was accepted";
    } catch (const std::runtime_error& error) {
      EXPECT_NE(std::string(error.what()).find(said), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace flow::operators::compute_test
