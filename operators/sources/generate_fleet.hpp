// The dataset `fleet` of the source `generate`: readings of devices, with labelled faults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flow/output.hpp"

namespace flow::operators {

// Time goes in rounds, in each of which every quantity of every device is read once: slot number s
// is quantity s % kQuantities of device s / kQuantities % devices in round s / (kQuantities *
// devices). What a slot holds is a function of the seed, the settings and s alone; a slot in a
// silence holds no row. A device has at most one fault in kSpan rounds.
class FleetStream {
 public:
  static constexpr int64_t kQuantities = 4;
  static constexpr int64_t kSpan = 128;
  static constexpr int64_t kCategoryDevices = 65'536;  // more have names that are plain text

  enum class Fault : int32_t { kNone = -1, kSpike, kLevelShift, kDrift, kStuck, kSilence, kBurst };
  static constexpr int32_t kFaults = 6;
  struct Settings {
    int64_t devices = 1000;
    int64_t every = 60'000'000'000;  // nanoseconds a round
    double fault_share = 0.002;      // of all readings
  };
  struct Reading {
    int64_t time = 0;
    int64_t device = 0;  // from 0
    int32_t kind = 0;    // class of the device
    int32_t quantity = 0;
    double value = 0;
    Fault fault = Fault::kNone;
    int64_t incident = 0;  // of a fault, from 1
    bool silent = false;   // there is no row
  };

  FleetStream(uint64_t seed, const Settings& settings);

  Reading reading(int64_t slot) const;
  // The next `rows` rows from `slot` on, which moves behind the last of them.
  Batch batch(Output& out, int64_t& slot, int64_t rows, const flow_origin& origin);

  static std::vector<std::pair<std::string, Type>> fields(const Settings& settings);

 private:
  // What happens to a device in a span of rounds.
  struct Incident {
    Fault fault = Fault::kNone;
    int32_t quantity = 0;  // -1: all
    int64_t begin = 0;     // rounds of the span
    int64_t length = 0;
    double size = 0;  // 0 to 1
    bool up = true;
    int64_t id = 0;
  };

  uint64_t bits(uint64_t a, uint64_t b, uint64_t c) const;
  int32_t kind_of(int64_t device) const;
  int64_t time_of(int64_t device, int64_t round) const;
  Incident incident(int64_t device, int64_t span) const;
  double wave(int64_t time, int64_t period, uint64_t phase) const;
  double healthy(int64_t device, int32_t kind, int64_t place, int64_t round, double noise) const;
  Reading read(const Incident& incident, int64_t device, int32_t kind, int64_t place,
               int64_t round) const;
  void prepare(Host host);

  uint64_t seed_;
  Settings settings_;
  double span_share_;   // of spans with a fault
  int64_t last_round_;  // whose time is the last there is
  std::vector<double> sine_;
  Column devices_, kinds_, quantities_, faults_;
};

}  // namespace flow::operators
