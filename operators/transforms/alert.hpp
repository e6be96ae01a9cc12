// The transform `alert`: incidents made of anomalous readings.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/expression/compiled_expression.hpp"
#include "operators/common/keyed_rows.hpp"
#include "operators/transforms/alert_rows.hpp"

namespace flow::operators {

// Everything that decides is in a keyed table and in timers, so that a restart changes nothing. A
// key has a record from its first anomalous reading until it is calm and its cool-down is over; a
// row finds its key's deadlines passed by the watermark that it carries, whether or not their timer
// has fired, so that nothing depends on where batches are cut.
class Alert final : public GeneralTransform {
 public:
  enum class Time : uint8_t { kEvent, kProcessing };
  struct Options {
    std::vector<Field> key;
    std::vector<Field> series;
    Expression when{"is_anomaly"};
    Field score{"score"};
    Field reason{"reason"};
    int64_t open_after = 1;
    Duration min_duration{0};
    std::optional<double> resolve_below;
    Duration resolve_after{300'000'000'000};
    Duration cool_down{0};
    Duration update_every{0};
    Table severity;
    Time time = Time::kEvent;
  };
  struct Shared {
    // Throws OptionFailure.
    Shared(const Options& options, Host);
    CompiledExpression when;
    std::vector<std::pair<std::string, double>> levels;  // of severity, the lowest first
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Alert(const Options& options, Shared& shared);
  void open(Output& out) override;
  Status consume(uint32_t input, const Batch& in, Output& out) override;
  Status timer(flow_time kind, int64_t nanoseconds, std::span<const flow_key* const> keys,
               Output& out) override;

 private:
  // Of a key that is watched: there was an anomalous reading, or its cool-down lasts.
  struct Watch {
    int64_t started_at = 0;
    int64_t opened_at = 0;
    int64_t last_bad = INT64_MIN;  // the time of the latest anomalous reading
    int64_t cool_until = INT64_MIN;
    int64_t told_at = 0;
    int64_t timer_at = INT64_MIN;  // the one that is set; INT64_MIN: none
    int64_t count = 0;             // anomalous readings
    double worst = 0;
    StoredBytes reason;  // of the worst reading
    StoredBytes runs;    // Run, as long as no incident is open
    KeyTypes key_types{};
    uint8_t is_open = 0;
    uint8_t severity = 0;
    uint8_t has_score = 0;
    uint8_t has_reason = 0;
    uint32_t reserved = 0;
  };
  // Anomalous readings of one series without a calm one between them.
  struct Run {
    uint64_t series;
    int64_t start;
    int64_t readings;
  };
  struct Reading {
    int32_t row;
    uint64_t hash;
    std::string_view key;
    uint64_t series;
    int64_t time;
    int64_t watermark;
    bool bad;
    std::optional<double> score;
    std::optional<std::string_view> reason;
  };
  using Watches = KeyedTable<Watch>;
  // How many watched keys there are by their hash, so that calm rows need no look at the table.
  static constexpr size_t kFilter = 4096;
  static constexpr size_t kLongestReason = 1024;

  static size_t filter_place(uint64_t hash) { return (hash >> 20) % kFilter; }

  // Columns of the batch in process.
  struct Inputs {
    const int64_t* times = nullptr;
    const int64_t* watermarks = nullptr;
    int64_t now = 0;
    std::optional<Float64View> float_scores;
    std::optional<Int64View> int_scores;
    std::optional<AnyTextView> reasons;
    KeyTypes key_types{};
  };
  Inputs read_inputs(const Batch& in, Output& out);
  void read_reading(const Inputs& inputs, Reading& reading);
  void count_watches();
  void take(const Reading& reading, const Inputs& inputs, const Batch& in, Output& out);
  void add_bad(Watch& watch, const Reading& reading, Output& out);
  // Of a key without an open incident. The reason for which the row fails; NULL: it does not.
  const char* add_to_run(Watch& watch, const Reading& reading);
  bool store_runs(Watch& watch, uint64_t hash);
  void end_run(Watch& watch, const Reading& reading);
  void open_incident(Watch& watch, const Run& run, const Reading& reading);
  void forget_runs(Watch& watch, uint64_t hash);
  // What is over at `until`. NULL: nothing is left of the watch.
  Watch* expire(Watch* watch, uint64_t hash, std::string_view key, int64_t until);
  int64_t deadline(const Watch& watch) const;
  void set_timer(Watch& watch, uint64_t hash, std::string_view key, const Output& out) const;
  void erase(Watch& watch, uint64_t hash, std::string_view key);
  uint8_t severity_of(const Watch& watch) const;
  void tell(const Watch& watch, uint64_t hash, std::string_view key, AlertState state,
            int64_t time);
  void emit_told(Output& out);

  Options options_;
  const Shared& shared_;
  ExpressionEvaluator when_;
  KeyedRows rows_;
  KeyReader series_;
  std::vector<ColumnFinder> key_finders_;
  KeyTypes known_types_{};  // as the last batches had them
  ColumnFinder score_;
  ColumnFinder reason_;
  std::optional<Watches> watches_;
  std::vector<uint32_t> filter_;  // empty: to be counted
  std::vector<Run> runs_;
  std::vector<int32_t> late_;
  std::unique_ptr<AlertRows> told_;
  size_t fired_ = 0;  // keys of the timer under way that are done
  Metric opened_, suppressed_;
  int64_t n_opened_ = 0, n_suppressed_ = 0;
};

}  // namespace flow::operators
