// The methods against what their specification scores. readings.csv is made by make_readings.py.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "operators/common/detectors/ewma.hpp"
#include "operators/common/detectors/gaussian.hpp"
#include "operators/common/detectors/range.hpp"
#include "operators/common/detectors/range_quad.hpp"

namespace flow::operators::detectors::scores_test {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

std::map<std::string, std::vector<double>> read_columns() {
  std::ifstream file(FLOWRUN_SOURCE_DIR "/tests/operators/common/detectors/readings.csv");
  std::string line;
  std::getline(file, line);
  std::vector<std::string> names;
  std::istringstream header(line);
  for (std::string name; std::getline(header, name, ',');) names.push_back(name);
  std::map<std::string, std::vector<double>> columns;
  while (std::getline(file, line)) {
    std::istringstream row(line);
    std::string cell;
    for (const std::string& name : names) {
      std::getline(row, cell, ',');
      columns[name].push_back(std::stod(cell));
    }
  }
  return columns;
}

// How many scores are above zero.
template <class Method>
size_t expect_same(const char* column, const typename Method::Settings& settings) {
  const auto columns = read_columns();
  const std::vector<double>& times = columns.at("time");
  const std::vector<double>& values = columns.at("value");
  const std::vector<double>& expected = columns.at(column);
  EXPECT_EQ(values.size(), 800U);
  const Method method(settings);
  const auto state = std::make_unique<typename Method::State>();
  size_t above_zero = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    Judgement judgement;
    const Reading reading{values[i], static_cast<int64_t>(times[i]) * kSecond};
    method.judge(*state, reading, judgement);
    EXPECT_NEAR(judgement.score, expected[i], 1e-9) << column << " of reading " << i;
    above_zero += judgement.score > 0 ? 1 : 0;
    std::string reason;
    method.explain(judgement, reading, reason);
    EXPECT_FALSE(reason.empty());
  }
  return above_zero;
}

TEST(DetectorScores, OfRangeAreThoseOfTheSpecification) {
  EXPECT_GT(expect_same<Range>("range", {}), 5U);
  EXPECT_GT(expect_same<Range>("range_relaxed", {.relax = 1e-4}), 5U);
  EXPECT_GT(expect_same<Range>("range_held", {.relax = 1e-4, .hold = 60}), 3U);
}

TEST(DetectorScores, OfRangeQuadAreThoseOfTheSpecification) {
  EXPECT_GT(expect_same<RangeQuad>("range_quad", {}), 5U);
}

TEST(DetectorScores, OfEwmaAreThoseOfTheSpecification) {
  EXPECT_GT(expect_same<Ewma>("ewma", {}), 700U);
}

TEST(DetectorScores, OfGaussianAreThoseOfTheSpecification) {
  EXPECT_GT((expect_same<Gaussian<256>>("gaussian", {.window = 200})), 700U);
  EXPECT_GT((expect_same<Gaussian<200>>("gaussian", {.window = 200})), 700U);
}

TEST(DetectorScores, BandsHoldWhatIsNoAnomaly) {
  const auto columns = read_columns();
  const Ewma ewma({});
  const Gaussian<256> gaussian({.window = 200});
  Ewma::State ewma_state{};
  Gaussian<256>::State gaussian_state{};
  const auto check = [](const Judgement& judgement, double value, double threshold) {
    if (std::isnan(judgement.low)) return;
    const bool inside = value > judgement.low && value < judgement.high;
    EXPECT_EQ(inside, judgement.score < threshold) << value;
  };
  for (size_t i = 0; i < 800; ++i) {
    const Reading reading{columns.at("value")[i], 0};
    Judgement judgement;
    ewma.judge(ewma_state, reading, judgement);
    check(judgement, reading.value, Ewma::kThreshold);
    judgement = {};
    gaussian.judge(gaussian_state, reading, judgement);
    check(judgement, reading.value, Gaussian<256>::kThreshold);
  }
}

TEST(DetectorScores, StateOfRangeQuadIsSmall) {
  EXPECT_LE(sizeof(RangeQuad::State), size_t{3} << 10);
}

}  // namespace
}  // namespace flow::operators::detectors::scores_test
