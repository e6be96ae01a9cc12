#include "operators/transforms/route.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::route_test {
namespace {

using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Table;

Harness routing(const std::vector<std::pair<std::string, std::string>>& routes) {
  flow::testing::Settings table;
  for (const auto& [name, condition] : routes) table.emplace_back(name, condition);
  return Harness::of<Route>({{"routes", Setting::table(table)}});
}

TEST(Route, EachRowGoesToTheFirstOutputThatWantsIt) {
  auto harness = routing({{"failed", "status >= 500"}, {"client", "status >= 400"}});
  harness.push({{"status", {200, 404, 503, nullptr, 500}}});
  EXPECT_EQ(harness.pull("failed"), (Table{{"status", {503, 500}}}));
  EXPECT_EQ(harness.pull("client"), (Table{{"status", {404}}}));
  EXPECT_EQ(harness.pull("rest"), (Table{{"status", {200, nullptr}}}));
}

TEST(Route, ABatchThatGoesOneWayIsPassedOnAsItIs) {
  auto harness = routing({{"all", "v > 0"}});
  const Batch batch = harness.batch({{"v", {1, 2}}});
  harness.push(batch);
  EXPECT_EQ(harness.pull_batches("all").at(0).get(), batch.get());
  EXPECT_TRUE(harness.pull_batches("rest").empty());
}

TEST(Route, AbsentFieldsLeadToTheRestAndAreNamedOnce) {
  auto harness = routing({{"a", "absent > 0"}});
  harness.push({{"v", {1}}});
  harness.push({{"v", {2}}});
  EXPECT_EQ(harness.pull("rest"), (Table{{"v", {1, 2}}}));
  EXPECT_EQ(harness.host().logs.size(), 1U);
}

TEST(Route, MistakesNameTheirRouteAndColumn) {
  for (const auto& [condition, said] : std::vector<std::pair<std::string, std::string>>{
           {"v >", "routes.bad: column 4"}, {"1 + 1", "routes.bad: column 3"}}) {
    try {
      auto harness = routing({{"good", "true"}, {"bad", condition}});
      harness.push({{"v", {1}}});
      ADD_FAILURE() << condition << " was accepted";
    } catch (const std::runtime_error& error) {
      EXPECT_NE(std::string(error.what()).find(said), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(routing({}), std::runtime_error);
}

}  // namespace
}  // namespace flow::operators::route_test
