// The transform `event_time`: when what a row tells of happened, and how far each partition is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/input_column.hpp"
#include "operators/common/time_format.hpp"

namespace flow::operators {

class EventTime final : public Transform {
 public:
  enum class Partitions : uint8_t { kSeparate, kTogether };
  struct Options {
    Field field;
    std::string format;
    std::string zone = "UTC";
    Duration lateness{5'000'000'000};
    Duration idle{30'000'000'000};
    Duration max_future{3'600'000'000'000};
    std::string earliest = "1971-01-01T00:00:00Z";
    Partitions partitions = Partitions::kSeparate;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit EventTime(const Options& options);
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;
  std::string snapshot() override;
  void restore(uint32_t version, std::string_view state) override;

 private:
  // Source and partition, as an origin names them; nothing: NULL.
  using Place = std::pair<std::optional<std::string>, std::optional<std::string>>;
  enum class Trouble : uint8_t { kNone, kNoTime, kBadTime, kPast, kFuture };
  // What the rows of one batch have in common.
  struct Bounds {
    int64_t earliest;
    int64_t latest;
  };

  int64_t& highest_of(const flow_origin& origin);
  void tell(const Place& place, int64_t highest) const;
  Column read_times(const Batch& in, Output& out, Bounds bounds);
  template <class Read>
  Column read_rows(const Batch& in, Output& out, Bounds bounds, const Validity& validity,
                   Read read);
  void fail(const Batch& in, int64_t row, Trouble trouble, int64_t time, Output& out) const;
  int64_t stamp(const int64_t* times, int64_t rows, int64_t& highest, int64_t* stamps) const;
  void pass(const Batch& in, const Column& times, int64_t& highest, Output& out);

  ColumnFinder field_;
  TextInput text_;
  std::optional<TimeFormat> format_;
  int64_t epoch_unit_ = 0;  // nanoseconds; 0: the format is none of epoch_*
  int64_t lateness_;
  int64_t idle_;
  int64_t max_future_;
  int64_t earliest_ = INT64_MIN;
  bool together_;
  const flow_host* host_ = nullptr;
  const flow_watermarks* watermarks_ = nullptr;
  Metric behind_;
  std::map<Place, int64_t> highest_;  // the latest time met, by partition
  // The last batch's, since the next one is mostly of the same.
  const char* last_source_ = nullptr;
  const char* last_partition_ = nullptr;
  std::map<Place, int64_t>::iterator last_ = highest_.end();
  std::vector<int32_t> kept_;
};

}  // namespace flow::operators
