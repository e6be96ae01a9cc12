// CPU time a row of event_time. Each case checks its answer once before it is measured.

#include <benchmark/benchmark.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/transforms/event_time.hpp"

namespace flow::operators {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;

constexpr int64_t kRows = 4096;
constexpr int64_t kSecond = 1'000'000'000;

void measure(benchmark::State& state, const Type& type, const Settings& settings,
             const std::vector<Cell>& cells) {
  Harness harness = Harness::of<EventTime>(settings);
  const Batch batch = harness.batch({{"t", type, cells}});
  harness.push(batch);
  const std::vector<Batch> out = harness.pull_batches();
  if (out.size() != 1 || out[0].event_times()[kRows - 1] != 1'600'004'095 * kSecond) {
    throw std::logic_error("the times are wrong");
  }
  for (auto _ : state) {
    harness.push(batch);
    harness.host().emitted[0].clear();
    harness.host().watermarks.clear();
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}

void from_timestamp(benchmark::State& state) {
  std::vector<Cell> cells;
  for (int64_t i = 0; i < kRows; ++i) cells.emplace_back((1'600'000'000 + i) * kSecond);
  measure(state, Type::timestamp(), {{"field", "t"}}, cells);
}
void from_epoch(benchmark::State& state) {
  std::vector<Cell> cells;
  for (int64_t i = 0; i < kRows; ++i) cells.emplace_back(1'600'000'000 + i);
  measure(state, Type::int64(), {{"field", "t"}, {"format", "epoch_s"}}, cells);
}
void from_text(benchmark::State& state) {
  std::vector<Cell> cells;
  for (int64_t i = 0; i < kRows; ++i) {
    // 1,600,000,000 is 2020-09-13T12:26:40Z.
    const int64_t second = 12 * 3600 + 26 * 60 + 40 + i;
    char text[32];
    std::snprintf(text, sizeof text, "2020-09-13T%02d:%02d:%02dZ", static_cast<int>(second / 3600),
                  static_cast<int>(second / 60 % 60), static_cast<int>(second % 60));
    cells.emplace_back(std::string(text));
  }
  measure(state, Type::text(), {{"field", "t"}}, cells);
}
BENCHMARK(from_timestamp);
BENCHMARK(from_epoch);
BENCHMARK(from_text);

}  // namespace
}  // namespace flow::operators
