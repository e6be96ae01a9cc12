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

// As event_time leaves them, in the order of time.
std::vector<Batch> clicks(Harness& harness) {
  auto source = Harness::of<Generate>({{"dataset", "clicks"}, {"users", kUsers}});
  source.assign("generated");
  for (int64_t i = 0; i < kBatches; ++i) source.poll();
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

// Goes round and round: but for the first round rows come a day late, which neither minds, and
// each round is like the others.
void measure(benchmark::State& state, Harness& harness, const std::vector<Batch>& batches) {
  size_t next = 0;
  for (auto _ : state) {
    push(harness, batches[next]);
    next = (next + 1) % batches.size();
    for (auto& emitted : harness.host().emitted) emitted.clear();
  }
  report(state);
}

void sessionize(benchmark::State& state) {
  auto harness = Harness::of<Sessionize>();
  const std::vector<Batch> batches = clicks(harness);
  int64_t rows = 0;
  for (const Batch& batch : batches) {
    push(harness, batch);
    rows += harness.pull().rows();
  }
  require(rows == kBatches * kBatchRows, "sessionize: not every click has a session");
  // Those of the source are 4.6 clicks long on average.
  const double length = static_cast<double>(rows) / harness.metric("sessions_begun");
  require(length > 4 && length < 5.5, "sessionize: the sessions are not those of the source");
  measure(state, harness, batches);
}
BENCHMARK(sessionize);

void profile(benchmark::State& state, const char* every) {
  auto harness = Harness::of<Profile>({{"every", every}});
  const std::vector<Batch> batches = clicks(harness);
  int64_t events = 0;
  for (const Batch& batch : batches) push(harness, batch);
  harness.pull();
  // Once more, for the profiles of all users.
  auto all = Harness::of<Profile>({{"every", "8760h"}});
  for (const Batch& batch : batches) push(all, batch);
  all.advance(INT64_MAX);
  for (const flow::testing::Cell& cell : all.pull()["events"]) events += cell.integer();
  require(events == kBatches * kBatchRows, "profile: not every click is in a profile");
  measure(state, harness, batches);
}
BENCHMARK_CAPTURE(profile, every_minute, "1m");
BENCHMARK_CAPTURE(profile, every_hour, "1h");

}  // namespace
}  // namespace flow::operators
