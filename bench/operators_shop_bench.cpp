// CPU time a row of sessionize and profile on the clicks of 100,000 users, one at a time on one
// core. Each case checks its answer once before it is measured.

#include <benchmark/benchmark.h>

#include <vector>

#include "bench/operator_case.hpp"
#include "flow/testing/harness.hpp"
#include "operators/sources/generate.hpp"
#include "operators/transforms/profile.hpp"
#include "operators/transforms/sessionize.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;
using flow::testing::Settings;

constexpr int64_t kUsers = 100'000;
constexpr int64_t kBatches = 250;  // a million clicks, more than a day

// As event_time leaves them, in the order of time: twice kBatches, of which the first half is to
// get to know the users, and the second to be measured.
std::vector<Batch> clicks(Harness& harness) {
  auto source = Harness::of<Generate>({{"dataset", "clicks"}, {"users", kUsers}});
  source.assign("generated");
  for (int64_t i = 0; i < 2 * kBatches; ++i) source.poll();
  std::vector<Batch> timed;
  for (const Batch& batch : source.pull_batches()) {
    const Int64View times(*batch.find("timestamp"));
    const std::vector<int64_t> all(times.data(), times.data() + times.size());
    timed.push_back(harness.timed(batch, all, all));
  }
  return timed;
}

void push(Harness& harness, const Batch& batch) {
  harness.push(batch);
  harness.advance(batch.watermarks()[batch.rows() - 1]);
}

// kBatches iterations.
void measure(benchmark::State& state, Harness& harness, const std::vector<Batch>& batches) {
  auto next = batches.begin() + kBatches;
  for (auto _ : state) {
    push(harness, *next++);
    for (auto& emitted : harness.host().emitted) emitted.clear();
  }
  report(state);
}

void sessionize(benchmark::State& state) {
  auto harness = Harness::of<Sessionize>();
  const std::vector<Batch> batches = clicks(harness);
  int64_t rows = 0;
  for (int64_t i = 0; i < kBatches; ++i) {
    push(harness, batches[static_cast<size_t>(i)]);
    rows += harness.pull().rows();
  }
  require(rows == kBatches * kBatchRows, "sessionize: not every click has a session");
  // Those of the source are 4.3 clicks long on average.
  const double length = static_cast<double>(rows) / harness.metric("sessions_begun");
  require(length > 4 && length < 5, "sessionize: the sessions are not those of the source");
  measure(state, harness, batches);
}
BENCHMARK(sessionize)->Iterations(kBatches);

void profile(benchmark::State& state, const char* every) {
  auto harness = Harness::of<Profile>({{"every", every}});
  const std::vector<Batch> batches = clicks(harness);
  auto check = Harness::of<Profile>({{"every", "8760h"}});
  for (int64_t i = 0; i < kBatches; ++i) {
    push(harness, batches[static_cast<size_t>(i)]);
    push(check, batches[static_cast<size_t>(i)]);
  }
  harness.pull_batches();
  check.advance(INT64_MAX);
  int64_t events = 0;
  const flow::testing::Table profiles = check.pull();
  for (const flow::testing::Cell& cell : profiles["events"]) events += cell.integer();
  require(events == kBatches * kBatchRows, "profile: not every click is in a profile");
  measure(state, harness, batches);
}
BENCHMARK_CAPTURE(profile, every_minute, "1m")->Iterations(kBatches);
BENCHMARK_CAPTURE(profile, every_hour, "1h")->Iterations(kBatches);

}  // namespace
}  // namespace flow::operators
