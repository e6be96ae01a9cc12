// The transform `detect_anomaly`: which readings of a series are unlike those before.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/detectors/detector.hpp"
#include "operators/common/detectors/missing.hpp"
#include "operators/common/detectors/number_input.hpp"
#include "operators/common/keyed_rows.hpp"

namespace flow::operators {

// Everything known of a series is in keyed tables and timers, so that a restart changes nothing.
class DetectAnomaly final : public GeneralTransform {
 public:
  enum class Method : uint8_t {
    kRangeQuad,
    kRange,
    kEwma,
    kGaussian,
    kThreshold,
    kRateOfChange,
    kStuck,
    kMissing,
    kEnsemble
  };
  enum class Combine : uint8_t { kMax, kMedian, kMin };
  using WhenFull = detectors::WhenFull;
  struct Options {
    std::vector<Field> key;
    Field value{"value"};
    Field time;
    Method method = Method::kRangeQuad;
    std::vector<std::string> methods;
    Combine combine = Combine::kMax;
    std::optional<double> score_threshold;
    Table score_thresholds;
    std::optional<int64_t> warm_up;
    std::optional<double> relax;
    std::optional<double> hold;
    double alpha = 0.003;
    int64_t window = 2000;
    std::optional<double> min;
    std::optional<double> max;
    std::optional<double> max_change;
    Duration per{1'000'000'000};
    int64_t stuck_after = 20;
    double tolerance = 0;
    std::optional<Duration> expected_every;
    int64_t max_keys = 1'000'000;
    WhenFull when_full = WhenFull::kEvict;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit DetectAnomaly(const Options& options);
  void open(Output& out) override;
  Status consume(uint32_t input, const Batch& in, Output& out) override;
  Status timer(flow_time kind, int64_t nanoseconds, std::span<const flow_key* const> keys,
               Output& out) override;
  Status advance(int64_t watermark, Output& out) override;

 private:
  struct Judge {
    Method method;
    double threshold;
    std::unique_ptr<detectors::Detector> detector;
    std::vector<detectors::Judgement> judgements;  // of the batch in process
  };

  void add_judge(const Options& options, Method method, double threshold);
  // Sorts out the rows that cannot be judged; the others are in readings_.
  void read_rows(const Batch& in, Output& out);
  bool has_key(int32_t row) const;
  // NULL: no method needs the time, or there are no rows.
  const int64_t* times_of(const Batch& in, Validity& validity);
  void find_key_columns(const Batch& in);
  void judge(const Batch& in, Output& out);
  // Fails the readings that a table has no room for, and takes them out.
  void refuse(const Batch& in, const std::vector<std::pair<size_t, detectors::Refusal>>& refused,
              Output& out);
  Batch judged(const Batch& in, Output& out);
  // Puts the rows that have been judged into waiting_, each silence before the row that ended it.
  void queue(const Batch& in, Output& out);
  // Of a reading: the judge whose words count, and the score of all together.
  size_t combined(size_t reading, double& score);
  double rescaled(const Judge& judge, double score) const;
  Batch missed(std::span<const detectors::SilenceWatch::Silence> silences, Output& out);
  void tell_evicted(Output& out);

  std::vector<Field> key_;
  std::string value_name_;
  ColumnFinder value_;
  std::optional<ColumnFinder> time_;
  std::vector<ColumnFinder> key_finders_;
  Combine combine_;
  double threshold_;  // of the score that goes out
  bool uses_time_ = false;

  KeyedRows rows_;
  std::vector<Judge> judges_;
  std::optional<detectors::SilenceWatch> silence_;

  std::vector<Validity> key_validity_;  // of those that have nulls
  std::vector<flow_type> key_types_;
  std::vector<detectors::KeyedReading> readings_;
  std::vector<bool> refused_;
  std::vector<int32_t> kept_;
  std::vector<double> scores_;
  std::string text_;
  std::vector<detectors::SilenceWatch::Silence> ended_;  // of the batch in process, by row
  struct Waiting {
    Batch batch;
    bool is_created;
  };
  std::deque<Waiting> waiting_;  // for room
  bool goes_on_ = false;         // with the input of the last call
  Column method_names_;
  Metric anomalies_;
  Metric evicted_;
  bool told_evicted_ = false;
};

}  // namespace flow::operators
