#include "operators/common/nab_score.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace flow::operators::nab_score_test {
namespace {

// 200 readings a second apart; probation ends at reading 30.
NabSeries series(std::vector<TimeWindow> windows) {
  NabSeries made;
  for (int64_t i = 0; i < 200; ++i) made.times.push_back(i);
  made.scores.assign(200, 0.0);
  made.windows = std::move(windows);
  return made;
}

TEST(NabScore, DetectionAtTheWindowsFirstReadingIsPerfect) {
  NabSeries one = series({{100, 119}});
  one.scores[100] = 0.9;
  const NabScores scores = nab_scores(std::span(&one, 1));
  EXPECT_NEAR(scores.standard.score, 100, 1e-9);
  EXPECT_NEAR(scores.low_false_positives.score, 100, 1e-9);
  EXPECT_NEAR(scores.low_false_negatives.score, 100, 1e-9);
  EXPECT_DOUBLE_EQ(scores.standard.threshold, 0.9);
  EXPECT_EQ(scores.standard.windows, 1U);
  EXPECT_EQ(scores.standard.false_rows, 0U);
}

TEST(NabScore, LaterDetectionsAreWorthLess) {
  NabSeries one = series({{100, 119}});
  one.scores[110] = 0.9;
  one.scores[118] = 0.8;
  // The tenth of twenty from the end: y = -0.5. Perfect is 1, nothing -1: (x + 1) / 2.
  const double worth = (2 / (1 + std::exp(-2.5)) - 1) / (2 / (1 + std::exp(-5.0)) - 1);
  EXPECT_NEAR(nab_scores(std::span(&one, 1)).standard.score, 50 * (worth + 1), 1e-9);
}

TEST(NabScore, FalseAlarmsCostMoreTheFurtherTheyAreBehindAWindow) {
  const auto score_with = [](size_t row) {
    NabSeries one = series({{100, 119}});
    one.scores[100] = 0.9;
    one.scores[row] = 0.9;
    return nab_scores(std::span(&one, 1)).standard.score;
  };
  EXPECT_NEAR(score_with(60), 100 - 50 * 0.11, 1e-9);  // before any window
  EXPECT_GT(score_with(121), score_with(130));
  EXPECT_NEAR(score_with(199), 100 - 50 * 0.11, 1e-9);
  EXPECT_NEAR(score_with(10), 100, 1e-9) << "in the probation";
}

TEST(NabScore, ThresholdIsTheBestForAllSeriesTogether) {
  std::vector<NabSeries> two = {series({{100, 119}}), series({{150, 159}})};
  two[0].scores[100] = 0.9;
  two[1].scores[150] = 0.4;
  for (size_t row = 40; row < 140; ++row) two[1].scores[row] = 0.2;
  const NabScores scores = nab_scores(two);
  EXPECT_DOUBLE_EQ(scores.standard.threshold, 0.4);
  EXPECT_NEAR(scores.standard.score, 100, 1e-9);
  EXPECT_NEAR(nab_scores_at(two, 0.9).standard.score, 50, 1e-9);
  EXPECT_LT(nab_scores_at(two, 0.1).standard.score, 0);
  EXPECT_EQ(nab_scores_at(two, 0.1).standard.false_rows, 100U);
}

TEST(NabScore, NothingAtAllIsZero) {
  EXPECT_EQ(nab_scores({}).standard.score, 0);
  NabSeries empty;
  empty.windows = {{1, 2}};
  EXPECT_EQ(nab_scores(std::span(&empty, 1)).standard.score, 0);
  NabSeries silent = series({{100, 119}});
  EXPECT_TRUE(
      std::isinf(nab_scores_at(std::span(&silent, 1), std::numeric_limits<double>::infinity())
                     .standard.threshold));
}

}  // namespace
}  // namespace flow::operators::nab_score_test
