// The sink `evaluate`: how good detections are against labels.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/detection_score.hpp"
#include "operators/common/field_text.hpp"
#include "operators/common/label_windows.hpp"
#include "operators/common/nab_score.hpp"

namespace flow::operators {

class Evaluate final : public Sink {
 public:
  struct Options {
    std::vector<Field> key;
    Field anomaly{"is_anomaly"};
    Field score{"score"};
    Field time;
    Field label{"fault"};
    Field incident{"incident"};
    Field alert_state;
    std::string labels;
    Duration grace{300'000'000'000};
    std::string report;
    int64_t max_rows = 50'000'000;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit Evaluate(const Options& options);
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;
  // A sink's state goes with what it prepares: here all that was counted.
  std::string prepare(uint64_t checkpoint) override;
  void restore(uint32_t version, std::string_view state) override;
  void close(bool drained, Output& out) override;

 private:
  // Of a labelled series.
  struct Labelled {
    const SeriesLabels* labels;
    std::string name;  // as the rows have it
    NabSeries readings;
    std::vector<double> found;  // of each reading: 1 if it was called an anomaly, else 0
  };
  struct Columns;

  void find(const Batch& in, const Output& out, Columns& columns);
  void add_row(const Columns& columns, int64_t row, int64_t time);
  void add_label(const Columns& columns, int64_t row, int64_t time);
  const std::string& series_of(const Columns& columns, int64_t row);
  Labelled* labelled(const std::string& series);
  bool add_reading(const Columns& columns, int64_t row, int64_t time, bool found);

  Options options_;
  std::vector<SeriesLabels> labels_;
  DetectionScorer scorer_;
  std::vector<ColumnFinder> key_;
  std::vector<FieldText> key_texts_;
  FieldText label_text_, incident_text_, state_text_;
  ColumnFinder anomaly_, score_, time_, label_, incident_, state_;

  int64_t rows_ = 0;
  int64_t kept_ = 0;  // detections and readings in memory
  int64_t alerts_ = 0;
  std::optional<int64_t> first_time_, last_time_;
  std::string series_, text_, kind_;
  std::map<std::string, Labelled> labelled_;  // by the rows' series; labels NULL: none
  // Where an incident has no id: the run of labels under way in each series.
  struct Run {
    std::string kind;
    int64_t last = 0;
    int64_t number = 0;
  };
  std::map<std::string, Run> runs_;
};

}  // namespace flow::operators
