// The source `generate`: made-up data, the same for the same seed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "flow/operator.hpp"
#include "operators/common/wake_event.hpp"
#include "operators/sources/generate_clicks.hpp"
#include "operators/sources/generate_fleet.hpp"

namespace flow::operators {

// Row k is a pure function of the seed and k, whatever the batches and restarts.
class Generate final : public Source {
 public:
  enum class Dataset { kAccessLog, kSensors, kClicks, kFleet };
  struct Options {
    Dataset dataset = Dataset::kAccessLog;
    int64_t seed = 0;
    std::optional<int64_t> rows;
    std::optional<double> rate;
    int64_t batch_rows = 4096;
    int64_t devices = 1000;
    Duration every{60'000'000'000};
    double fault_share = 0.002;
    int64_t users = 100'000;
    bool sessions = true;
    double erase_share = 0;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit Generate(const Options& options) : options_(options) {}
  void open(Output& out) override;
  Status poll(SourceOutput& out) override;
  void wake() override;
  void assign(const std::string& partition, std::optional<std::string_view> position) override;
  void revoke(const std::string& partition) override;

 private:
  // Rows that the rate and the end allow now.
  int64_t due(const Output& out);
  Batch sensors(Output& out, int64_t rows);
  Batch clicks(Output& out, int64_t rows);
  Batch fleet(Output& out, int64_t rows);
  std::string position() const;
  Batch access_log(Output& out, int64_t rows) const;

  Options options_;
  bool assigned_ = false;
  int64_t next_ = 0;  // the next row's number
  int64_t slot_ = 0;  // of the fleet: where it stands
  std::optional<int64_t> paced_since_;
  int64_t paced_from_ = 0;  // the row that was next then
  WakeEvent wake_;
  Column sensor_names_;
  std::optional<ClickStream> clicks_;
  std::optional<FleetStream> fleet_;
};

}  // namespace flow::operators
