#include "operators/sinks/evaluate_report.hpp"

#include <cstdio>
#include <fstream>
#include <limits>
#include <utility>
#include <vector>

#include "operators/common/detectors/wording.hpp"
#include "operators/common/json_writer.hpp"

namespace flow::operators {
namespace {

struct Figure {
  const char* name;
  const char* doc;
  std::optional<double> value;
};

std::vector<Figure> figures_of(const Evaluation& evaluation) {
  const DetectionScore& score = evaluation.detection;
  const auto number = [](auto value) { return std::optional(static_cast<double>(value)); };
  const auto nab = [&](NabScore NabScores::*which, double NabScore::*what) {
    return evaluation.nab ? std::optional((*evaluation.nab).*which.*what) : std::nullopt;
  };
  const auto as_found = [&](NabScore NabScores::*which) {
    return evaluation.nab_as_found ? std::optional(((*evaluation.nab_as_found).*which).score)
                                   : std::nullopt;
  };
  std::optional<double> alerts, alerts_per_day;
  if (evaluation.alerts) {
    alerts = number(*evaluation.alerts);
    if (score.days > 0) alerts_per_day = *alerts / score.days;
  }
  return {
      {"rows", "Rows judged.", number(evaluation.rows)},
      {"days", "Days of event time that they span.", score.days},
      {"incidents", "Incidents by the labels.", number(score.incidents)},
      {"incidents_found", "Of them found.", number(score.found)},
      {"detections", "Rows called anomalies.", number(score.detections)},
      {"alarms", "Detections, those close together counted once.", number(score.alarms)},
      {"false_alarms", "Alarms that were about no incident.", number(score.false_alarms)},
      {"precision", "Share of alarms that were about an incident.", score.precision},
      {"recall", "Share of incidents found.", score.recall},
      {"delay_median_seconds", "From an incident's start to its detection.", score.delay_median},
      {"delay_max_seconds", "The longest of these.", score.delay_max},
      {"alarms_per_day", "Alarms per day of event time.", score.alarms_per_day},
      {"false_alarms_per_day", "False ones per day.", score.false_alarms_per_day},
      {"alerts", "Alerts opened.", alerts},
      {"alerts_per_day", "Alerts opened per day of event time.", alerts_per_day},
      {"nab_standard", "NAB score, standard profile.", nab(&NabScores::standard, &NabScore::score)},
      {"nab_low_fp", "NAB score, reward low false positives.",
       nab(&NabScores::low_false_positives, &NabScore::score)},
      {"nab_low_fn", "NAB score, reward low false negatives.",
       nab(&NabScores::low_false_negatives, &NabScore::score)},
      {"nab_threshold", "Threshold of the standard profile's score.",
       nab(&NabScores::standard, &NabScore::threshold)},
      {"nab_standard_as_found", "NAB score of what was called an anomaly, standard profile.",
       as_found(&NabScores::standard)},
      {"nab_low_fp_as_found", "The same, reward low false positives.",
       as_found(&NabScores::low_false_positives)},
      {"nab_low_fn_as_found", "The same, reward low false negatives.",
       as_found(&NabScores::low_false_negatives)},
      {"unlabelled_series", "Series that the labels do not name.", number(evaluation.unlabelled)},
  };
}

void append_share(std::string& text, const std::optional<double>& share) {
  if (share) {
    detectors::append_percent(text, *share);
  } else {
    text += "none";
  }
}

std::string two_decimals(double value) {
  char buffer[64];
  const int length = std::snprintf(buffer, sizeof buffer, "%.2f", value);
  return {buffer, static_cast<size_t>(length)};
}

}  // namespace

std::string in_words(const Evaluation& evaluation) {
  const DetectionScore& score = evaluation.detection;
  std::string text = "found ";
  detectors::append_count(text, score.found);
  text += " of ";
  detectors::append_count(text, score.incidents);
  text += " incidents (recall ";
  append_share(text, score.recall);
  text += "), ";
  detectors::append_count(text, score.false_alarms);
  text += " of ";
  detectors::append_count(text, score.alarms);
  text += " alarms were false (precision ";
  append_share(text, score.precision);
  text += ")";
  if (score.false_alarms_per_day) {
    text.append(", ").append(two_decimals(*score.false_alarms_per_day)).append(" a day");
  }
  if (score.delay_median) {
    text.append("; found after ").append(two_decimals(*score.delay_median));
    text.append(" s (median), ").append(two_decimals(*score.delay_max)).append(" s at most");
  }
  if (evaluation.alerts) {
    text += "; ";
    detectors::append_count(text, static_cast<uint64_t>(*evaluation.alerts));
    text += " alerts";
  }
  if (!score.kinds.empty() && !(score.kinds.size() == 1 && score.kinds.begin()->first.empty())) {
    text += "; by kind:";
    for (const auto& [kind, part] : score.kinds) {
      text.append(" ").append(kind).append(" ").append(std::to_string(part.found));
      text.append("/").append(std::to_string(part.incidents));
    }
  }
  if (evaluation.nab) {
    text.append("; NAB ").append(two_decimals(evaluation.nab->standard.score));
    text.append(" / ").append(two_decimals(evaluation.nab->low_false_positives.score));
    text.append(" / ").append(two_decimals(evaluation.nab->low_false_negatives.score));
    text += " (standard / low FP / low FN)";
  }
  return text;
}

std::string in_json(const Evaluation& evaluation) {
  std::string text = "{\n";
  for (const Figure& figure : figures_of(evaluation)) {
    if (!figure.value) continue;
    char number[32];
    char* const end = write_double(number, *figure.value);
    text.append("  \"")
        .append(figure.name)
        .append("\": ")
        .append(number, static_cast<size_t>(end - number))
        .append(",\n");
  }
  text += "  \"kinds\": {";
  bool is_first = true;
  for (const auto& [kind, part] : evaluation.detection.kinds) {
    text.append(std::exchange(is_first, false) ? "" : ", ").append(json_quoted(kind));
    text.append(": {\"incidents\": ").append(std::to_string(part.incidents));
    text.append(", \"found\": ").append(std::to_string(part.found)).append("}");
  }
  return text + "}\n}\n";
}

void write_report(const std::string& path, const Evaluation& evaluation) {
  const std::string partial = path + ".part";
  {
    std::ofstream file(partial, std::ios::binary | std::ios::trunc);
    file << in_json(evaluation);
    if (!file.flush()) throw Failure("evaluate: report: '" + partial + "' cannot be written");
  }
  if (std::rename(partial.c_str(), path.c_str()) != 0) {
    throw Failure("evaluate: report: '" + path + "' cannot be replaced");
  }
}

void EvaluationGauges::set(const Evaluation& evaluation) {
  for (const Figure& figure : figures_of(evaluation)) {
    const std::string name = std::string("evaluate_") + figure.name;
    host_.gauge(name.c_str(), figure.doc)
        .record(figure.value.value_or(std::numeric_limits<double>::quiet_NaN()));
  }
}

}  // namespace flow::operators
