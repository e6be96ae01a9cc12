// CPU time a row of splitting batches by key, hashes included, as the chain before a keyed operator
// does it. Each case checks its answer once before it is measured.

#include <benchmark/benchmark.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "core/graph/key_split.hpp"
#include "core/graph/timers.hpp"
#include "flow/host/key_hash.hpp"
#include "flow/testing/host.hpp"

namespace flowrun {
namespace {

using flow::testing::Cell;

constexpr std::int64_t kRows = 4096;

void require(bool correct, const char* what) {
  if (!correct) throw std::logic_error(what);
}

std::int64_t number(std::int64_t row) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(row) * 0x9e3779b97f4a7c15 >> 20) %
         10'000;
}

void split(benchmark::State& state, bool texts) {
  flow::testing::TestHost host;
  std::vector<Cell> cells;
  for (std::int64_t row = 0; row < kRows; ++row) {
    if (!texts) {
      cells.emplace_back(number(row));
      continue;
    }
    std::string text = std::to_string(number(row));
    text.insert(0, 12 - text.size(), 'k');
    cells.emplace_back(text);
  }
  const flow::Column column = flow::testing::make_column(
      host.host(), texts ? flow::Type::text() : flow::Type::int64(), cells);
  const std::vector<const flow_column*> columns{column.get()};
  const auto instances = static_cast<std::size_t>(state.range(0));
  KeySkew skew;
  std::size_t rows = 0;
  const KeySplit once(columns, kRows, instances, skew);
  for (std::size_t i = 0; i < instances; ++i) rows += once.rows_of(i).size();
  require(rows == kRows, "rows are lost");
  for (auto _ : state) {
    const KeySplit made(columns, kRows, instances, skew);
    benchmark::DoNotOptimize(made.hashes());
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}
void split_by_int(benchmark::State& state) { split(state, false); }
void split_by_text(benchmark::State& state) { split(state, true); }
BENCHMARK(split_by_int)->Arg(1)->Arg(2)->Arg(4);
BENCHMARK(split_by_text)->Arg(1)->Arg(2)->Arg(4);

constexpr std::int64_t kTimers = 1'000'000;

void set_timer(Timers& timers, std::int64_t i) {
  const std::int64_t key = i;
  const flow_key whose{
      .size = sizeof(flow_key),
      .length = sizeof key,
      .hash = flow::host::hash_bytes({reinterpret_cast<const char*>(&key), sizeof key}),
      .bytes = &key};
  timers.set(FLOW_EVENT_TIME, number(i) * 1'000, &whose);
}

// A million timers, each at one of 10,000 times: set, saved, fired.
void timers_set(benchmark::State& state) {
  for (auto _ : state) {
    flow::host::MemoryAccount account;
    Timers timers(account);
    for (std::int64_t i = 0; i < kTimers; ++i) set_timer(timers, i);
    require(timers.size() == kTimers, "timers are lost");
    state.counters["bytes_per_timer"] =
        static_cast<double>(account.used()) / static_cast<double>(kTimers);
  }
  state.SetItemsProcessed(state.iterations() * kTimers);
}
void timers_save(benchmark::State& state) {
  flow::host::MemoryAccount account;
  Timers timers(account);
  for (std::int64_t i = 0; i < kTimers; ++i) set_timer(timers, i);
  for (auto _ : state) benchmark::DoNotOptimize(timers.save());
  state.SetItemsProcessed(state.iterations() * kTimers);
}
void timers_fire(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    flow::host::MemoryAccount account;
    Timers timers(account);
    for (std::int64_t i = 0; i < kTimers; ++i) set_timer(timers, i);
    state.ResumeTiming();
    while (timers.begin(FLOW_EVENT_TIME, INT64_MAX)) timers.done();
    require(timers.size() == 0, "timers are left");
  }
  state.SetItemsProcessed(state.iterations() * kTimers);
}
BENCHMARK(timers_set)->Unit(benchmark::kMillisecond);
BENCHMARK(timers_save)->Unit(benchmark::kMillisecond);
BENCHMARK(timers_fire)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace flowrun
