#include "core/cli/evaluator.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace flowrun::cli {
namespace {

using Form = EvaluatedFigure::Form;

constexpr std::array<const char*, 2> kDetectorOptions = {"key", "time"};

constexpr std::array<EvaluatedFigure, 14> kDetectionFigures = {
    {{"incidents", "incidents", Form::kCount},
     {"incidents_found", "found", Form::kCount},
     {"recall", "recall", Form::kShare},
     {"precision", "precision", Form::kShare},
     {"delay_median_seconds", "delay", Form::kSeconds},
     {"delay_max_seconds", "longest", Form::kSeconds},
     {"alarms_per_day", "alarms/day", Form::kTwoDecimals},
     {"false_alarms", "false", Form::kCount},
     {"false_alarms_per_day", "false/day", Form::kTwoDecimals},
     {"nab_standard", "NAB", Form::kTwoDecimals},
     {"nab_low_fp", "low FP", Form::kTwoDecimals},
     {"nab_low_fn", "low FN", Form::kTwoDecimals},
     {"nab_threshold", "threshold", Form::kThreshold},
     {"unlabelled_series", "unlabelled", Form::kCount}}};

constexpr std::array<EvaluatedFigure, 3> kRecommendationFigures = {
    {{"predictions", "lists", Form::kCount},
     {"hit_rate", "HR@20", Form::kFourDecimals},
     {"mean_reciprocal_rank", "MRR@20", Form::kFourDecimals}}};

constexpr std::array<Evaluator, 2> kEvaluators = {
    {{"detect_anomaly", "evaluate", kDetectorOptions, kDetectionFigures, true},
     {"recommend", "score_recommendations", {}, kRecommendationFigures, false}}};

}  // namespace

std::span<const Evaluator> evaluators() { return kEvaluators; }

const Evaluator* evaluator_of(std::string_view type) {
  const auto* const found =
      std::find_if(kEvaluators.begin(), kEvaluators.end(),
                   [&](const Evaluator& evaluator) { return type == evaluator.judged; });
  return found == kEvaluators.end() ? nullptr : found;
}

std::string shown(const EvaluatedFigure& figure, const std::optional<double>& value) {
  if (!value) return "-";
  switch (figure.form) {
    case Form::kCount:
      return fmt::format("{:.0f}", *value);
    case Form::kShare:
      return fmt::format("{:.1f} %", *value * 100);
    case Form::kSeconds:
      return fmt::format("{:.0f}s", *value);
    case Form::kTwoDecimals:
      return fmt::format("{:.2f}", *value);
    case Form::kFourDecimals:
      return fmt::format("{:.4f}", *value);
    default:
      return fmt::format("{:.6g}", *value);
  }
}

}  // namespace flowrun::cli
