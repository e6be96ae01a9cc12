#include "operators/sources/generate_fleet.hpp"

#include <algorithm>
#include <cmath>

#include "operators/common/split_mix.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kMinute = 60'000'000'000;
constexpr int64_t kDay = 1440 * kMinute;
constexpr int64_t kSlowPeriod = 40 * kDay;
constexpr int64_t kStart = 1'735'689'600'000'000'000;  // 2025-01-01T00:00:00Z
constexpr int64_t kSineSteps = 1440;
constexpr double kTau = 6.283185307179586;

// How a quantity of a healthy device behaves.
struct Quantity {
  const char* name;
  int32_t code;      // in kQuantityNames
  double level;      // of an average device
  double amplitude;  // of the day
  double noise;      // standard deviation, about
};
struct DeviceKind {
  const char* name;
  std::array<Quantity, FleetStream::kQuantities> quantities;
};

constexpr std::array<const char*, 8> kQuantityNames = {
    "temperature", "humidity", "vibration", "power", "pressure", "flow", "fan_speed", "rotation"};
constexpr std::array<DeviceKind, 4> kKinds = {{
    {"freezer",
     {{{"temperature", 0, -20.0, 1.5, 0.3},
       {"humidity", 1, 45.0, 6.0, 1.2},
       {"vibration", 2, 1.2, 0.1, 0.04},
       {"power", 3, 180.0, 30.0, 5.0}}}},
    {"pump",
     {{{"pressure", 4, 6.2, 0.4, 0.08},
       {"flow", 5, 42.0, 5.0, 0.8},
       {"vibration", 2, 3.5, 0.4, 0.1},
       {"power", 3, 950.0, 110.0, 18.0}}}},
    {"server",
     {{{"temperature", 0, 24.0, 3.0, 0.3},
       {"humidity", 1, 40.0, 4.0, 0.8},
       {"fan_speed", 6, 4200.0, 400.0, 60.0},
       {"power", 3, 420.0, 60.0, 9.0}}}},
    {"turbine",
     {{{"temperature", 0, 78.0, 6.0, 0.9},
       {"vibration", 2, 5.0, 0.5, 0.15},
       {"rotation", 7, 1500.0, 40.0, 8.0},
       {"power", 3, 2200.0, 260.0, 35.0}}}},
}};
constexpr std::array<const char*, FleetStream::kFaults> kFaultNames = {
    "spike", "level_shift", "drift", "stuck", "silence", "burst"};

// Readings that a fault lasts: shortest, and how many more at most.
struct Length {
  int64_t least, more;
};
constexpr std::array<Length, FleetStream::kFaults> kLengths = {
    {{1, 2}, {16, 16}, {24, 24}, {16, 24}, {8, 16}, {6, 12}}};
// Faults begin behind these rounds of a span and end before the next one does.
constexpr int64_t kFirstBegin = 16;
constexpr int64_t kBegins = 48;

bool is_of_whole_device(FleetStream::Fault fault) {
  return fault == FleetStream::Fault::kSilence || fault == FleetStream::Fault::kBurst;
}

// Readings of a device that a fault takes, on average.
double mean_readings() {
  double sum = 0;
  for (size_t i = 0; i < kLengths.size(); ++i) {
    const bool whole = is_of_whole_device(static_cast<FleetStream::Fault>(i));
    sum += (static_cast<double>(kLengths[i].least) + static_cast<double>(kLengths[i].more) / 2) *
           (whole ? static_cast<double>(FleetStream::kQuantities) : 1.0);
  }
  return sum / static_cast<double>(kLengths.size());
}

double share(uint64_t bits) { return static_cast<double>(bits & 0xFFFFFFFF) / 4294967296.0; }

// About normal, standard deviation 1, within 3.5: the sum of four even numbers.
double normal(uint64_t bits) {
  constexpr double kScale = 1.7320508075688772 / 65536.0;
  const auto sum = static_cast<double>((bits & 0xFFFF) + (bits >> 16 & 0xFFFF) +
                                       (bits >> 32 & 0xFFFF) + (bits >> 48));
  return (sum - 131'070.0) * kScale;
}

// Three decimals, and the double that is nearest to them.
double rounded(double value) { return std::nearbyint(value * 1000.0) / 1000.0; }

size_t put_name(int64_t device, char* out) {
  const std::string digits = std::to_string(device + 1);
  const size_t zeros = digits.size() < 5 ? 5 - digits.size() : 0;
  size_t at = 0;
  out[at++] = 'd';
  out[at++] = '-';
  for (size_t i = 0; i < zeros; ++i) out[at++] = '0';
  for (const char digit : digits) out[at++] = digit;
  return at;
}

template <class Names>
Column dictionary(Host host, const Names& names) {
  TextBuilder texts(host, static_cast<int64_t>(names.size()));
  for (const auto& name : names) texts.append(name);
  return texts.finish();
}

}  // namespace

FleetStream::FleetStream(uint64_t seed, const Settings& settings)
    : seed_(seed),
      settings_(settings),
      span_share_(std::min(
          1.0, settings.fault_share * static_cast<double>(kSpan * kQuantities) / mean_readings())),
      last_round_((INT64_MAX - kStart) / settings.every - 1) {
  for (int64_t i = 0; i <= kSineSteps; ++i) {
    const double value = std::sin(kTau * static_cast<double>(i) / static_cast<double>(kSineSteps));
    sine_.push_back(std::nearbyint(value * 1e9) / 1e9);  // the same with every math library
  }
}

std::vector<std::pair<std::string, Type>> FleetStream::fields(const Settings& settings) {
  return {{"time", Type::timestamp()},
          {"device", settings.devices <= kCategoryDevices ? Type::category() : Type::text()},
          {"class", Type::category()},
          {"quantity", Type::category()},
          {"value", Type::float64()},
          {"fault", Type::category()},
          {"incident", Type::int64()}};
}

uint64_t FleetStream::bits(uint64_t a, uint64_t b, uint64_t c) const {
  return split_mix(split_mix(split_mix(seed_, a), b), c);
}

int32_t FleetStream::kind_of(int64_t device) const {
  return static_cast<int32_t>(bits(1, static_cast<uint64_t>(device), 0) % kKinds.size());
}

// Devices are read one after the other, the quantities of one at the same moment.
int64_t FleetStream::time_of(int64_t device, int64_t round) const {
  return kStart + std::min(round, last_round_) * settings_.every +
         device * (settings_.every / settings_.devices);
}

// The first span is healthy, so that there is something to learn from.
FleetStream::Incident FleetStream::incident(int64_t device, int64_t span) const {
  Incident incident;
  if (span == 0) return incident;
  const uint64_t random = bits(2, static_cast<uint64_t>(device), static_cast<uint64_t>(span));
  if (share(random) >= span_share_) return incident;
  const uint64_t more = split_mix(random, 1);
  incident.fault = static_cast<Fault>((random >> 32) % kFaults);
  const Length& length = kLengths[static_cast<size_t>(incident.fault)];
  incident.quantity =
      is_of_whole_device(incident.fault) ? -1 : static_cast<int32_t>(more % kQuantities);
  incident.begin = kFirstBegin + static_cast<int64_t>(more >> 8 & 0xFFFF) % kBegins;
  incident.length = length.least + static_cast<int64_t>(more >> 24 & 0xFFFF) % (length.more + 1);
  incident.size = static_cast<double>(more >> 40 & 0xFFFF) / 65536.0;
  incident.up = (more >> 63) == 0;
  incident.id = span * settings_.devices + device + 1;
  return incident;
}

// A sine over `period`, moved by `phase`; from -1 to 1.
double FleetStream::wave(int64_t time, int64_t period, uint64_t phase) const {
  const int64_t step = period / kSineSteps;
  const int64_t at = (time + static_cast<int64_t>(phase % kSineSteps) * step) % period;
  const auto index = static_cast<size_t>(at / step);
  const double part = static_cast<double>(at % step) / static_cast<double>(step);
  return sine_[index] + (sine_[index + 1] - sine_[index]) * part;
}

// `noise`: how many times the usual one.
double FleetStream::healthy(int64_t device, int32_t kind, int64_t place, int64_t round,
                            double noise) const {
  const Quantity& quantity =
      kKinds[static_cast<size_t>(kind)].quantities[static_cast<size_t>(place)];
  const auto series = static_cast<uint64_t>(device * kQuantities + place);
  const uint64_t own = split_mix(seed_ ^ 0x5851F42D4C957F2DU, series);
  const uint64_t random = split_mix(own, static_cast<uint64_t>(round));
  const int64_t time = time_of(device, round) - kStart;
  // Devices differ by some amplitudes, in the hour of their peak by two hours, and wander slowly.
  const double level = quantity.level + quantity.amplitude * (share(own) - 0.5);
  return level + quantity.amplitude * wave(time, kDay, (own >> 32) % 120) +
         0.3 * quantity.amplitude * wave(time, kSlowPeriod, own >> 40) +
         quantity.noise * noise * normal(random);
}

FleetStream::Reading FleetStream::read(const Incident& incident, int64_t device, int32_t kind,
                                       int64_t place, int64_t round) const {
  const Quantity& quantity =
      kKinds[static_cast<size_t>(kind)].quantities[static_cast<size_t>(place)];
  Reading reading;
  reading.device = device;
  reading.kind = kind;
  reading.quantity = quantity.code;
  reading.time = time_of(device, round);
  const int64_t at = round % kSpan - incident.begin;
  const bool mine =
      incident.fault != Fault::kNone && (incident.quantity < 0 || incident.quantity == place);
  if (mine && incident.fault == Fault::kSilence && at >= -1 && at <= incident.length) {
    reading.silent = at >= 0 && at < incident.length;
    reading.fault = incident.fault;  // of the readings around the silence
  } else if (mine && at >= 0 && at < incident.length) {
    reading.fault = incident.fault;
  }
  if (reading.silent) return reading;
  if (reading.fault == Fault::kNone) {
    reading.value = rounded(healthy(device, kind, place, round, 1.0));
    return reading;
  }
  reading.incident = incident.id;
  // What a healthy device stays within of its level, and a little more.
  const double reach = 1.3 * quantity.amplitude + 4.0 * quantity.noise;
  const bool up = incident.up || quantity.level - 4.0 * reach < 0;
  const double sign = up ? 1.0 : -1.0;
  const double ramp = static_cast<double>(at + 1) / static_cast<double>(incident.length);
  const double value = healthy(device, kind, place, round, 1.0);
  switch (reading.fault) {
    case Fault::kSpike:
      reading.value = value + sign * reach * (2.0 + incident.size);
      break;
    case Fault::kLevelShift:
      reading.value = value + sign * reach * (1.5 + incident.size);
      break;
    case Fault::kDrift:
      reading.value = value + sign * reach * (1.5 + incident.size) * ramp;
      break;
    case Fault::kStuck:
      reading.value = healthy(device, kind, place, round - at, 1.0);
      break;
    case Fault::kBurst:
      reading.value = value + reach * (up ? 1.2 + incident.size : (at % 2 == 0 ? 1.5 : -1.5));
      break;
    default:
      reading.value = value;
      break;
  }
  reading.value = rounded(reading.value);
  return reading;
}

FleetStream::Reading FleetStream::reading(int64_t slot) const {
  const int64_t place = slot % kQuantities;
  const int64_t device = slot / kQuantities % settings_.devices;
  const int64_t round = slot / kQuantities / settings_.devices;
  return read(incident(device, round / kSpan), device, kind_of(device), place, round);
}

void FleetStream::prepare(Host host) {
  if (kinds_) return;
  if (settings_.devices <= kCategoryDevices) {
    TextBuilder names(host, settings_.devices);
    char name[24];
    for (int64_t i = 0; i < settings_.devices; ++i) names.append({name, put_name(i, name)});
    devices_ = names.finish();
  }
  std::vector<std::string> kinds;
  kinds.reserve(kKinds.size());
  for (const DeviceKind& kind : kKinds) kinds.emplace_back(kind.name);
  kinds_ = dictionary(host, kinds);
  quantities_ = dictionary(host, kQuantityNames);
  faults_ = dictionary(host, kFaultNames);
}

Batch FleetStream::batch(Output& out, int64_t& slot, int64_t rows, const flow_origin& origin) {
  prepare(out);
  TimestampBuilder times(out, rows);
  std::optional<CategoryBuilder> device_codes;
  std::optional<TextBuilder> device_names;
  if (devices_) {
    device_codes.emplace(out, rows, devices_);
  } else {
    device_names.emplace(out, rows);
  }
  CategoryBuilder kinds(out, rows, kinds_);
  CategoryBuilder quantities(out, rows, quantities_);
  Float64Builder values(out, rows);
  CategoryBuilder faults(out, rows, faults_);
  Int64Builder incidents(out, rows);
  char name[24];
  size_t name_length = 0;
  int64_t known = -1;  // the device of what follows
  int32_t kind = 0;
  Incident now;
  int64_t round = slot / kQuantities / settings_.devices;
  int64_t device = slot / kQuantities % settings_.devices;
  int64_t place = slot % kQuantities;
  for (int64_t row = 0; row < rows; ++slot) {
    if (device != known) {
      known = device;
      kind = kind_of(device);
      now = incident(device, round / kSpan);
      if (device_names) name_length = put_name(device, name);
    }
    const Reading made = read(now, device, kind, place, round);
    if (++place == kQuantities) {
      place = 0;
      known = -1;
      if (++device == settings_.devices) {
        device = 0;
        ++round;
      }
    }
    if (made.silent) continue;
    ++row;
    times.append(made.time);
    if (device_codes) {
      device_codes->append(static_cast<int32_t>(made.device));
    } else {
      device_names->append({name, name_length});
    }
    kinds.append(made.kind);
    quantities.append(made.quantity);
    values.append(made.value);
    if (made.fault == Fault::kNone) {
      faults.append_null();
      incidents.append_null();
    } else {
      faults.append(static_cast<int32_t>(made.fault));
      incidents.append(made.incident);
    }
  }
  const auto types = fields(settings_);
  return out.make(
      rows,
      {{"time", {times.finish(), types[0].second}},
       {"device",
        {device_codes ? device_codes->finish() : device_names->finish(), types[1].second}},
       {"class", {kinds.finish(), types[2].second}},
       {"quantity", {quantities.finish(), types[3].second}},
       {"value", {values.finish(), types[4].second}},
       {"fault", {faults.finish(), types[5].second}},
       {"incident", {incidents.finish(), types[6].second}}},
      &origin);
}

}  // namespace flow::operators
