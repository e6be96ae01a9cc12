// CPU time a row of the operators for sensors' readings, one at a time on one core. Each case
// checks its answer once before it is measured.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bench/operator_case.hpp"
#include "flow/testing/harness.hpp"
#include "operators/transforms/detect_anomaly.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;
using flow::testing::Settings;
using Names = std::vector<std::string>;

constexpr int64_t kSecond = 1'000'000'000;

// Readings of `devices` series in random order, a batch every ten minutes.
std::vector<Batch> readings(Harness& harness, int64_t devices, int64_t batches, bool text_keys) {
  const Host host = harness.host().host();
  Output maker(harness.host().abi());
  uint64_t seed = 1;
  const auto random = [&seed] {
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return seed >> 33;
  };
  std::vector<Batch> made;
  for (int64_t batch = 0; batch < batches; ++batch) {
    TextBuilder names(host, kBatchRows);
    Int64Builder numbers(host, kBatchRows);
    Float64Builder values(host, kBatchRows);
    TimestampBuilder times(host, kBatchRows);
    for (int64_t row = 0; row < kBatchRows; ++row) {
      const auto device = static_cast<int64_t>(random()) % devices;
      std::string name = std::to_string(device);
      names.append("dev-" + std::string(8 - name.size(), '0') + name);
      numbers.append(device);
      const double noise = static_cast<double>(random() % 1'000'000) / 1e6;
      values.append(20 + std::sin(static_cast<double>(batch) / 20) + noise);
      times.append(1'700'000'000 * kSecond + batch * 600 * kSecond + row);
    }
    const Column time = times.finish();
    flow_origin origin{};
    origin.size = sizeof origin;
    origin.event_time = time.get();
    origin.watermark = time.get();
    made.push_back(maker.make(kBatchRows,
                              {{"device", text_keys ? TypedColumn{names.finish(), Type::text()}
                                                    : TypedColumn{numbers.finish(), Type::int64()}},
                               {"value", {values.finish(), Type::float64()}}},
                              &origin));
  }
  return made;
}

// One push with the keys hashed before, as an engine's instance gets them.
struct Hashed {
  Batch batch;
  std::vector<uint64_t> hashes;
  std::vector<int32_t> rows;
};
std::vector<Hashed> hashed(const std::vector<Batch>& batches) {
  std::vector<Hashed> all;
  for (const Batch& batch : batches) {
    Hashed one{batch, std::vector<uint64_t>(static_cast<size_t>(batch.rows())), {}};
    flow::host::hash_column(*batch.find("device"), one.hashes);
    for (int32_t row = 0; row < batch.rows(); ++row) one.rows.push_back(row);
    all.push_back(std::move(one));
  }
  return all;
}
void push(Harness& harness, const Hashed& input) {
  flow::testing::TestHost& host = harness.host();
  host.keys = {.size = sizeof(flow_keys),
               .reserved = 0,
               .rows = input.rows.data(),
               .n_rows = input.batch.rows(),
               .hashes = input.hashes.data()};
  host.start_call();
  require(harness.op()->process(harness.op(), 0, input.batch.get()) == FLOW_DONE, "it fails");
}

void report_state(benchmark::State& state, Harness& harness, int64_t keys) {
  const auto bytes = static_cast<double>(harness.host().state().bytes());
  state.counters["state_bytes"] = bytes;
  state.counters["state_per_key"] = bytes / static_cast<double>(keys);
}

void detect(benchmark::State& state, const Settings& more, int64_t devices, bool text_keys) {
  Settings settings = {{"key", Names{"device"}}, {"max_keys", 4'000'000}};
  settings.insert(settings.end(), more.begin(), more.end());
  auto harness = Harness::of<DetectAnomaly>(settings);
  harness.host().state_limit = int64_t{1} << 33;
  const std::vector<Hashed> inputs = hashed(readings(harness, devices, 128, text_keys));
  int64_t rows = 0;
  for (const Hashed& input : inputs) {
    push(harness, input);
    for (const Batch& out : harness.pull_batches()) rows += out.rows();
  }
  require(rows == 128 * kBatchRows && harness.failed().empty(), "detect: rows are missing");
  size_t next = 0;
  for (auto _ : state) {
    push(harness, inputs[next]);
    harness.host().emitted[0].clear();
    next = (next + 1) % inputs.size();
  }
  report(state);
  report_state(state, harness, devices);
}
BENCHMARK_CAPTURE(detect, range_quad_10k_text_keys, {}, 10'000, true);
BENCHMARK_CAPTURE(detect, range_quad_10k_int_keys, {}, 10'000, false);
BENCHMARK_CAPTURE(detect, range_10k_text_keys, {{"method", "range"}}, 10'000, true);
BENCHMARK_CAPTURE(detect, ewma_10k_text_keys, {{"method", "ewma"}}, 10'000, true);
BENCHMARK_CAPTURE(detect, gaussian_10k_text_keys, {{"method", "gaussian"}, {"window", 256}}, 10'000,
                  true);
BENCHMARK_CAPTURE(detect, stuck_10k_text_keys, {{"method", "stuck"}}, 10'000, true);
BENCHMARK_CAPTURE(detect, ensemble_of_three_10k_text_keys,
                  {{"method", "ensemble"}, {"methods", Names{"range_quad", "ewma", "stuck"}}},
                  10'000, true);

// A million series that come up at once, one reading each. `most`: how many of them may stay.
void detect_new_keys(benchmark::State& state, int64_t most) {
  constexpr int64_t kKeys = 1'000'000;
  constexpr int64_t kMostBytes = int64_t{4} << 30;
  for (auto _ : state) {
    state.PauseTiming();
    auto harness = Harness::of<DetectAnomaly>({{"key", Names{"device"}}, {"max_keys", most}});
    harness.host().state_limit = int64_t{1} << 33;
    std::vector<Batch> batches;
    const Host host = harness.host().host();
    Output maker(harness.host().abi());
    for (int64_t first = 0; first < kKeys; first += kBatchRows) {
      Int64Builder devices(host, kBatchRows);
      Float64Builder values(host, kBatchRows);
      for (int64_t row = 0; row < kBatchRows; ++row) {
        devices.append(first + row);
        values.append(1);
      }
      const Column device = devices.finish();
      flow_origin origin{};
      origin.size = sizeof origin;
      origin.event_time = device.get();
      origin.watermark = device.get();
      batches.push_back(maker.make(
          kBatchRows,
          {{"device", {device, Type::int64()}}, {"value", {values.finish(), Type::float64()}}},
          &origin));
    }
    const std::vector<Hashed> inputs = hashed(batches);
    state.ResumeTiming();
    for (const Hashed& input : inputs) {
      push(harness, input);
      harness.host().emitted[0].clear();
    }
    state.PauseTiming();
    require(harness.failed().empty(), "detect_new_keys: rows fail");
    require((harness.metric("evicted_keys") > 0) == (most < kKeys), "detect_new_keys: evictions");
    require(harness.host().state().bytes() < kMostBytes, "detect_new_keys: too much state");
    report_state(state, harness, std::min(most, kKeys));
    state.ResumeTiming();
  }
  report(state, (kKeys + kBatchRows - 1) / kBatchRows * kBatchRows);
}
BENCHMARK_CAPTURE(detect_new_keys, all_stay, 2'000'000)->Iterations(1);
BENCHMARK_CAPTURE(detect_new_keys, most_are_evicted, 100'000)->Iterations(1);

}  // namespace
}  // namespace flow::operators
