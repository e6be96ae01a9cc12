// What `evaluate` says at the end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "flow/host.hpp"
#include "operators/common/detection_score.hpp"
#include "operators/common/nab_score.hpp"

namespace flow::operators {

struct Evaluation {
  int64_t rows = 0;
  int64_t unlabelled = 0;  // series that the labels do not name
  DetectionScore detection;
  std::optional<int64_t> alerts;
  std::optional<NabScores> nab;           // at the best thresholds
  std::optional<NabScores> nab_as_found;  // of what was called an anomaly
};

// One line for people.
std::string in_words(const Evaluation& evaluation);
// A document for machines, with a line feed at its end.
std::string in_json(const Evaluation& evaluation);
// Replaces the file. Throws Failure naming it.
void write_report(const std::string& path, const Evaluation& evaluation);

// The figures as metrics of the operator, named evaluate_precision, evaluate_recall, ...; a figure
// that there is none of is NaN.
class EvaluationGauges {
 public:
  explicit EvaluationGauges(Host host) : host_(host) {}
  void declare() { set({}); }
  void set(const Evaluation& evaluation);

 private:
  Host host_;
};

}  // namespace flow::operators
