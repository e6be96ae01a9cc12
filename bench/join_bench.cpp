// CPU time a row of the window join, one core, in batches of 4,096 rows that lie in memory: two
// streams of 10,000 keys, each row of which has one partner a little later or earlier; the hashing
// of keys is part of it, as the engine does it. Each case checks its answer.

#include <benchmark/benchmark.h>

#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/windows/join.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;
using flow::testing::Settings;
using Names = std::vector<std::string>;

constexpr int64_t kRows = 4096;
constexpr int64_t kBatches = 64;
constexpr int64_t kKeys = 10'000;
constexpr int64_t kBegin = 1'700'000'040'000'000'000;
constexpr int64_t kStep = 1'000'000;  // between two rows of a stream

// Rows i of both streams have the same key and lie half a step apart; a key comes again after all
// others, which is far outside of the band.
Batch batch_of(Harness& harness, bool text, bool right, int64_t first) {
  const Host host = harness.host().host();
  Float64Builder values(host, kRows);
  TextBuilder notes(host, kRows);
  TypedColumn key{Column(), text ? Type::text() : Type::int64()};
  Int64Builder integers(host, kRows);
  TextBuilder texts(host, kRows);
  std::vector<int64_t> times;
  for (int64_t row = first; row < first + kRows; ++row) {
    const int64_t number = row * 7919 % kKeys;
    integers.append(number);
    const std::string name = "device-" + std::to_string(10'000 + number);
    texts.append(name);
    notes.append(right ? "paid by card" : "an order of some words and numbers");
    values.append(static_cast<double>(row));
    times.push_back(kBegin + row * kStep + (right ? kStep / 2 : 0));
  }
  key.column = text ? texts.finish() : integers.finish();
  flow_origin origin{};
  origin.size = sizeof origin;
  Output maker(harness.host().abi());
  const Batch batch = maker.make(kRows,
                                 {{"key", key},
                                  {"value", {values.finish(), Type::float64()}},
                                  {"note", {notes.finish(), Type::text()}}},
                                 &origin);
  return harness.timed(batch, times, std::vector<int64_t>(kRows, times.front() - kStep));
}

void run(benchmark::State& state, bool text, const char* kind) {
  const Settings settings{
      {"left_key", Names{"key"}}, {"right_key", Names{"key"}}, {"after", "1s"}, {"kind", kind}};
  int64_t rows = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto harness = Harness::of<Join>(settings);
    std::vector<Batch> left, right;
    for (int64_t i = 0; i < kBatches; ++i) {
      left.push_back(batch_of(harness, text, false, i * kRows));
      right.push_back(batch_of(harness, text, true, i * kRows));
    }
    int64_t results = 0;
    double difference = 0;
    state.ResumeTiming();
    for (size_t i = 0; i < left.size(); ++i) {
      harness.push(left[i], 0);
      harness.push(right[i], 1);
      harness.advance(left[i].event_times()[kRows - 1]);
      for (const Batch& batch : harness.pull_batches()) {
        results += batch.rows();
        const Float64View ordered(*batch.find("value"));
        const Float64View paid(*batch.find("right_value"));
        for (int64_t row = 0; row < batch.rows(); ++row) difference += paid[row] - ordered[row];
      }
    }
    state.PauseTiming();
    // The last row of each batch waits for the next watermark.
    if (results != kBatches * kRows - 1 || difference != 0) {
      throw std::logic_error("join: other pairs than there are: " + std::to_string(results));
    }
    rows += 2 * kBatches * kRows;
    state.ResumeTiming();
  }
  state.counters["rows/s"] =
      benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kIsRate);
}

void join_int(benchmark::State& state) { run(state, false, "inner"); }
void join_text(benchmark::State& state) { run(state, true, "inner"); }
void join_outer_int(benchmark::State& state) { run(state, false, "outer"); }
BENCHMARK(join_int);
BENCHMARK(join_text);
BENCHMARK(join_outer_int);

}  // namespace
}  // namespace flow::operators
