#include "operators/sinks/score_recommendations.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::score_recommendations_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;

Harness evaluate(const Settings& settings = {}) {
  return Harness::of<ScoreRecommendations>(settings);
}

Table rows(const std::vector<Cell>& predicted, const std::vector<Cell>& ranks) {
  return {{"predicted", Type::boolean(), predicted}, {"rank", Type::int64(), ranks}};
}

TEST(ScoreRecommendations, CountsOnlyRowsWithAListToTest) {
  auto harness = evaluate();
  harness.push(rows({false, true, true, true, nullptr}, {nullptr, 1, 4, nullptr, 1}));
  harness.close();
  EXPECT_EQ(harness.metric("evaluate_predictions"), 3);
  EXPECT_DOUBLE_EQ(harness.metric("evaluate_hit_rate"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(harness.metric("evaluate_mean_reciprocal_rank"), (1 + 0.25) / 3);
}

TEST(ScoreRecommendations, WhatStandsFurtherDownThanAtIsNoHit) {
  auto harness = evaluate({{"at", 3}});
  harness.push(rows({true, true, true}, {3, 4, 1000}));
  harness.close();
  EXPECT_DOUBLE_EQ(harness.metric("evaluate_hit_rate"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(harness.metric("evaluate_mean_reciprocal_rank"), 1.0 / 9);
}

TEST(ScoreRecommendations, SaysTheRunningFiguresAndThoseOfTheEnd) {
  auto harness = evaluate({{"every", 2}});
  harness.push(rows({true, true, true, true, true}, {1, 1, nullptr, 2, 1}));
  harness.close();
  ASSERT_EQ(harness.host().logs.size(), 3U);
  EXPECT_EQ(harness.host().logs[0].second,
            "2 lists: HR@20 1.0000, MRR@20 1.0000; the last 2 lists: HR@20 1.0000, MRR@20 1.0000");
  EXPECT_EQ(harness.host().logs[1].second,
            "4 lists: HR@20 0.7500, MRR@20 0.6250; the last 2 lists: HR@20 0.5000, MRR@20 0.2500");
  EXPECT_EQ(harness.host().logs[2].second, "recommendations: 5 lists: HR@20 0.8000, MRR@20 0.7000");
}

TEST(ScoreRecommendations, OfNothingThereIsNoFigure) {
  auto harness = evaluate();
  harness.close();
  EXPECT_EQ(harness.metric("evaluate_predictions"), 0);
  EXPECT_TRUE(std::isnan(harness.metric("evaluate_hit_rate")));
}

TEST(ScoreRecommendations, GoesOnCountingAfterARestart) {
  ScoreRecommendations::Options options;
  ScoreRecommendations before(options);
  HitCounts counts(20);
  counts.add(2);
  counts.add(0);
  std::string state;
  counts.append_to(state);
  counts.append_to(state);
  before.restore(0, state);
  EXPECT_EQ(before.prepare(1), state);
  EXPECT_THROW(before.restore(0, std::string_view(state).substr(0, 20)), Failure);
}

TEST(ScoreRecommendations, CountsOfALongerListAreCutToAt) {
  HitCounts longer(20), shorter(2);
  for (const int64_t rank : {1, 2, 3}) longer.add(rank);
  std::string state;
  longer.append_to(state);
  SavedPieces pieces(state, "test");
  shorter.read(pieces);
  EXPECT_TRUE(pieces.empty());
  EXPECT_EQ(shorter.tested(), 3);
  EXPECT_EQ(shorter.hits(), 2);
}

TEST(ScoreRecommendations, SaysWhichFieldIsMissingOrUnfit) {
  auto harness = evaluate();
  EXPECT_THROW(harness.push({{"rank", Type::int64(), {1}}}), std::runtime_error);
  EXPECT_THROW(harness.push({{"predicted", {true}}, {"rank", {"first"}}}), std::runtime_error);
}

}  // namespace
}  // namespace flow::operators::score_recommendations_test
