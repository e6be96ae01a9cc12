#include "core/observe/health.hpp"

#include <gtest/gtest.h>

namespace flowrun::health_test {
namespace {

TEST(HealthTest, NotReadyUntilEveryComponentIsOpenAndTheGraphRuns) {
  Health health("weblogs");
  health.expect("parsed");
  health.expect("index");
  EXPECT_FALSE(health.ready().good);
  EXPECT_EQ(health.ready().json,
            R"({"status":"not ready","pipeline":"weblogs","missing":["component parsed is not )"
            R"(open","component index is not open","the graph does not run yet"]})"
            "\n");
  health.opened("parsed");
  health.running();
  EXPECT_FALSE(health.ready().good);
  health.opened("index");
  EXPECT_TRUE(health.ready().good);
  EXPECT_EQ(health.ready().json, "{\"status\":\"ready\",\"pipeline\":\"weblogs\"}\n");
}

TEST(HealthTest, DrainingPipelineLivesButIsNotReady) {
  Health health("weblogs");
  health.running();
  health.draining("SIGTERM");
  health.draining("end of input");
  EXPECT_TRUE(health.alive().good);
  EXPECT_FALSE(health.ready().good);
  EXPECT_EQ(health.ready().json,
            R"({"status":"not ready","pipeline":"weblogs","missing":["the pipeline is stopping: )"
            R"(SIGTERM"]})"
            "\n");
}

TEST(HealthTest, FirstFailureIsKept) {
  Health health("weblogs");
  health.running();
  EXPECT_EQ(health.alive().json, "{\"status\":\"ok\",\"pipeline\":\"weblogs\"}\n");
  health.failed("index: the \"disk\" is gone");
  health.failed("parsed: cancelled");
  EXPECT_FALSE(health.alive().good);
  EXPECT_FALSE(health.ready().good);
  EXPECT_EQ(health.alive().json,
            R"({"status":"failed","pipeline":"weblogs","message":"index: the \"disk\" is gone"})"
            "\n");
}

}  // namespace
}  // namespace flowrun::health_test
