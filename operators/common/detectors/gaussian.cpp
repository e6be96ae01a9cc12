#include "operators/common/detectors/gaussian.hpp"

namespace flow::operators::detectors {
namespace {

double score_of(double deviations) {
  constexpr double kDecades = 300;
  constexpr double kLeast = 1e-300;
  const double tail = std::erfc(deviations / std::sqrt(2.0));
  return std::min(1.0, -std::log10(tail + kLeast) / kDecades);
}

// By bisection: the score only grows.
double deviations_of(double score) {
  constexpr double kMost = 40;  // whose tail is below the least
  constexpr int kSteps = 60;
  double low = 0;
  double high = kMost;
  for (int i = 0; i < kSteps; ++i) {
    const double middle = (low + high) / 2;
    (score_of(middle) < score ? low : high) = middle;
  }
  return high;
}

}  // namespace

GaussianScore::GaussianScore(const Settings& settings)
    : settings_(settings), band_(deviations_of(settings.threshold)) {}

void GaussianScore::judge(double value, double offset, double sum, double squares, uint64_t n,
                          Judgement& judgement) const {
  judgement.readings = n;
  if (n < settings_.warm_up || n == 0) return;
  const auto count = static_cast<double>(n);
  const double mean = sum / count;
  const double variance = std::max(0.0, squares / count - mean * mean);
  const double unit = divisor(variance, mean);
  const double deviations = std::fabs(value - mean) / unit;
  judgement.score = std::max(0.0, score_of(deviations));
  judgement.excess = deviations;
  judgement.subject = offset + mean;
  judgement.low = offset + mean - band_ * unit;
  judgement.high = offset + mean + band_ * unit;
}

}  // namespace flow::operators::detectors
