#include "operators/common/detection_score.hpp"

#include <gtest/gtest.h>

namespace flow::operators::detection_score_test {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kDay = 86'400 * kSecond;

TEST(DetectionScore, IncidentsAreFoundFromTheirStartToGraceBehindTheirEnd) {
  for (const auto& [time, found] : std::vector<std::pair<int64_t, bool>>{
           {99, false}, {100, true}, {120, true}, {130, true}, {131, false}}) {
    DetectionScorer scorer(10 * kSecond);
    scorer.add_incident("1", "spike", "a", 100 * kSecond, 120 * kSecond);
    scorer.add_detection("a", time * kSecond);
    const DetectionScore score = scorer.score();
    EXPECT_EQ(score.found, found ? 1U : 0U) << time;
    EXPECT_EQ(score.false_alarms, found ? 0U : 1U) << time;
    EXPECT_EQ(score.kinds.at("spike").found, found ? 1U : 0U);
    EXPECT_EQ(score.delay_median.value_or(-1), found ? static_cast<double>(time - 100) : -1);
  }
}

TEST(DetectionScore, DetectionsCountInTheirOwnSeriesOnly) {
  DetectionScorer scorer(0);
  scorer.add_incident("1", "", "a", 100, 200);
  scorer.add_detection("b", 150);
  const DetectionScore score = scorer.score();
  EXPECT_EQ(score.found, 0U);
  EXPECT_DOUBLE_EQ(*score.precision, 0);
  EXPECT_DOUBLE_EQ(*score.recall, 0);
}

TEST(DetectionScore, AnIncidentOfSeveralSeriesIsFoundInAnyOfThem) {
  DetectionScorer scorer(0);
  scorer.add_incident("1", "burst", "a", 100 * kSecond, 200 * kSecond);
  scorer.add_incident("1", "burst", "b", 110 * kSecond, 220 * kSecond);
  scorer.add_detection("b", 210 * kSecond);
  const DetectionScore score = scorer.score();
  EXPECT_EQ(score.incidents, 1U);
  EXPECT_EQ(score.found, 1U);
  EXPECT_DOUBLE_EQ(*score.delay_max, 110);
}

TEST(DetectionScore, DetectionsCloseTogetherAreOneAlarm) {
  DetectionScorer scorer(10);
  for (const int64_t time : {5, 12, 20, 31, 40}) scorer.add_detection("a", time);
  scorer.add_incident("1", "", "a", 15, 18);
  scorer.add_time(0, kDay * 2);
  const DetectionScore score = scorer.score();
  EXPECT_EQ(score.detections, 5U);
  EXPECT_EQ(score.alarms, 2U);
  EXPECT_EQ(score.false_alarms, 1U);
  EXPECT_DOUBLE_EQ(*score.precision, 0.5);
  EXPECT_DOUBLE_EQ(*score.alarms_per_day, 1);
  EXPECT_DOUBLE_EQ(*score.false_alarms_per_day, 0.5);
}

TEST(DetectionScore, WithoutAnythingThereIsNoFigure) {
  const DetectionScore score = DetectionScorer(0).score();
  EXPECT_FALSE(score.precision);
  EXPECT_FALSE(score.recall);
  EXPECT_FALSE(score.delay_median);
  EXPECT_FALSE(score.alarms_per_day);
}

}  // namespace
}  // namespace flow::operators::detection_score_test
