// CPU time a row of validate, alert and lookup on readings of a fleet, one at a time on one core.
// Each case checks its answer once before it is measured.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "bench/operator_case.hpp"
#include "flow/testing/harness.hpp"
#include "operators/sources/generate.hpp"
#include "operators/transforms/alert.hpp"
#include "operators/transforms/lookup.hpp"
#include "operators/transforms/validate.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;
using Names = std::vector<std::string>;

constexpr int64_t kDevices = 2500;

// Readings of 10,000 series; `batches` of them.
std::vector<Batch> readings(int64_t batches, const char* fault_share = "some") {
  const double share = std::string(fault_share) == "none" ? 0.0 : 0.01;
  auto source =
      Harness::of<Generate>({{"dataset", "fleet"}, {"devices", kDevices}, {"fault_share", share}});
  source.assign("generated");
  for (int64_t i = 0; i < batches; ++i) source.poll();
  return source.pull_batches();
}

void measure(benchmark::State& state, Harness& harness, const std::vector<Batch>& batches) {
  size_t next = 0;
  for (auto _ : state) {
    harness.push(batches[next]);
    next = (next + 1) % batches.size();
    for (auto& emitted : harness.host().emitted) emitted.clear();
  }
  report(state, kBatchRows);
}

void validate(benchmark::State& state, const Setting& schema) {
  auto harness = Harness::of<Validate>({{"schema", schema}});
  const std::vector<Batch> batches = readings(8);
  for (const Batch& batch : batches) harness.push(batch);
  require(harness.pull().rows() == 8 * kBatchRows, "validate: not all rows are good");
  measure(state, harness, batches);
}
BENCHMARK_CAPTURE(validate, one_range,
                  Setting::table({{"value", Setting::table({{"min", -1e6}, {"max", 1e6}})}}));
BENCHMARK_CAPTURE(
    validate, five_fields,
    Setting::table(
        {{"time", Setting::table({{"type", "timestamp"}, {"min", "2000-01-01T00:00:00Z"}})},
         {"device", Setting::table({{"required", true}, {"pattern", "^d-[0-9]+$"}})},
         {"class", Setting::table({{"one_of", Names{"freezer", "pump", "server", "turbine"}}})},
         {"quantity", Setting::table({{"required", true}, {"max_length", 32}})},
         {"value", Setting::table({{"required", true}, {"min", -1e6}, {"max", 1e6}})}}));

// As event_time leaves them, in their order of time.
std::vector<Batch> timed(Harness& harness, const std::vector<Batch>& batches) {
  std::vector<Batch> result;
  for (const Batch& batch : batches) {
    const Int64View times(*batch.find("time"));
    const std::vector<int64_t> all(times.data(), times.data() + times.size());
    result.push_back(harness.timed(batch, all, all));
  }
  return result;
}

// One reading in a hundred is anomalous, or none.
void alert(benchmark::State& state, const char* faults) {
  const bool none = std::string(faults) == "none";
  auto harness = Harness::of<Alert>({{"key", Names{"device"}},
                                     {"series", Names{"quantity"}},
                                     {"when", "fault is not null"},
                                     {"score", "value"},
                                     {"resolve_after", "30m"}});
  // Faults begin in the second span of rounds.
  std::vector<Batch> batches = timed(harness, readings(500, faults));
  batches.erase(batches.begin(), batches.begin() + 350);
  for (const Batch& batch : batches) harness.push(batch);
  require((harness.pull().rows() > 0) != none, "alert: no incident where there are faults");
  measure(state, harness, batches);
}
BENCHMARK_CAPTURE(alert, calm, "none");
BENCHMARK_CAPTURE(alert, one_in_a_hundred, "some");

void lookup(benchmark::State& state, const char* key) {
  const std::string path = "/tmp/flowrun-lookup-bench-" + std::to_string(::getpid()) + ".csv";
  {
    std::ofstream file(path);
    file << "key,site,owner\n";
    char line[64];
    for (int i = 1; i <= kDevices; ++i) {
      std::snprintf(line, sizeof line, "d-%05d,site %d,owner number %d\n", i, i % 50, i % 100);
      file << line;
    }
  }
  auto harness = Harness::of<Lookup>({{"key", Names{"device"}},
                                      {"table_key", Names{"key"}},
                                      {"path", path},
                                      {"reload", "0s"},
                                      {"schema", Setting::table({{"site", "category"}})}});
  std::remove(path.c_str());
  std::vector<Batch> batches = readings(8);
  if (std::string(key) == "text") {
    Output maker(harness.host().abi());
    for (Batch& batch : batches) {
      const CategoryView codes(*batch.find("device"));
      TextBuilder texts(maker, batch.rows());
      for (int64_t row = 0; row < batch.rows(); ++row) texts.append(codes[row]);
      batch = maker.with(batch, {{"device", {texts.finish(), Type::text()}}});
    }
  }
  for (const Batch& batch : batches) harness.push(batch);
  require(harness.metric("unmatched_rows") == 0, "lookup: a device is not in the table");
  measure(state, harness, batches);
}
BENCHMARK_CAPTURE(lookup, category_key, "category");
BENCHMARK_CAPTURE(lookup, text_key, "text");

}  // namespace
}  // namespace flow::operators
