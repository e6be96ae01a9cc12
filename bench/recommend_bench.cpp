// What `recommend` costs, one core. The clicks of Serenade (../shared/data/serenade, or
// FLOWRUN_SHARED_DIR) through the operator, test and learn, whose hits must be those of the
// reference, or of the mixtures those that they had when they were chosen; skipped where they are
// not there. Then a model of 1,000,000 sessions and 100,000 items: how long one prediction takes,
// at the median, 99 of 100 and at the longest, how long a checkpoint holds the flow, and the
// memory. Its ranks are compared with the lists.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ctime>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/operator_case.hpp"
#include "flow/testing/harness.hpp"
#include "operators/common/recommend/recommender.hpp"
#include "operators/common/split_mix.hpp"
#include "operators/transforms/recommend.hpp"
#include "tests/operators/common/recommend/clicks.hpp"

namespace flow::operators {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using recommend::Click;
using recommend::Ranked;
using recommend::Recommender;
using recommend::Subject;

// ---- Serenade ----

const std::vector<Click>& serenade_clicks() {
  static const std::vector<Click> kClicks = [] {
    const std::filesystem::path folder = recommend::serenade();
    if (!std::filesystem::exists(folder / "train.txt")) return std::vector<Click>();
    std::vector<Click> clicks = recommend::read_clicks(folder / "train.txt");
    for (const Click& click : recommend::read_clicks(folder / "test.txt")) clicks.push_back(click);
    recommend::sort_by_time(clicks);
    return clicks;
  }();
  return kClicks;
}

std::vector<Batch> batches_of(Harness& harness, const std::vector<Click>& clicks) {
  std::vector<Batch> batches;
  for (size_t begin = 0; begin < clicks.size(); begin += kBatchRows) {
    std::vector<Cell> sessions, items;
    for (size_t i = begin; i < std::min(clicks.size(), begin + kBatchRows); ++i) {
      sessions.emplace_back(clicks[i].session);
      items.emplace_back(clicks[i].item);
    }
    batches.push_back(harness.batch({{"session", sessions}, {"item", items}}));
  }
  return batches;
}

void serenade_through(benchmark::State& state, const char* model, const char* output, double hits) {
  const std::vector<Click>& clicks = serenade_clicks();
  if (clicks.empty()) {
    state.SkipWithError("no clicks in ../shared/data/serenade");
    return;
  }
  for (auto _ : state) {
    state.PauseTiming();
    auto harness =
        std::make_unique<Harness>(Harness::of<Recommend>({{"model", model}, {"output", output}}));
    const std::vector<Batch> batches = batches_of(*harness, clicks);
    state.ResumeTiming();
    for (const Batch& batch : batches) {
      harness->push(batch);
      harness->pull_batches();
    }
    state.PauseTiming();
    const double found = harness->metric("recommend_hits");
    require(hits == 0 || found == hits,
            ("other hits than the reference: " + std::to_string(found)).c_str());
    harness.reset();
    state.ResumeTiming();
  }
  report(state, static_cast<int64_t>(clicks.size()));
}

BENCHMARK_CAPTURE(serenade_through, sr, "sr", "rank", 37'000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(serenade_through, vmis, "vmis", "rank", 42'595)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(serenade_through, vsknn, "vsknn", "rank", 42'779)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(serenade_through, repeat_vsknn, "repeat+vsknn", "rank", 54'356)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(serenade_through, mixture, "mixture", "rank", 55'272)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(serenade_through, mixture_lists, "mixture", "list", 0)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(serenade_through, rule_mixture, "rule_mixture", "rank", 54'991)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(serenade_through, mixture_all, "mixture", "all", 55'272)
    ->Unit(benchmark::kMillisecond);

// ---- a large model ----

constexpr int64_t kSessions = 1'000'000;
constexpr int64_t kItems = 100'000;

// Click n: of one of some thousand sessions that are under way, on an item near the session's theme
// or a popular one.
Click made_click(int64_t n) {
  constexpr int64_t kAtOnce = 5000;
  constexpr int64_t kLength = 6;
  const int64_t lane = n % kAtOnce;
  const int64_t session = n / (kAtOnce * kLength) * kAtOnce + lane;
  const auto chance = [n](uint64_t which) {
    return static_cast<double>(split_mix(which, static_cast<uint64_t>(n)) >> 11) * 0x1p-53;
  };
  const auto zipf = [](double share) {
    return static_cast<int64_t>(std::exp(share * std::log(static_cast<double>(kItems)))) - 1;
  };
  const double theme =
      static_cast<double>(split_mix(9, static_cast<uint64_t>(session)) >> 11) * 0x1p-53;
  const int64_t near = zipf(theme) * 7 + static_cast<int64_t>(chance(1) * 30);
  const int64_t item = chance(2) < 0.7 ? near % kItems : zipf(chance(3)) * 7 % kItems;
  return {session, n < kItems ? n : item, static_cast<double>(n) / 1000};
}

double resident_mebibytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

// Of this thread: a figure does not tell what other programs were doing.
double cpu_microseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

void large_model(benchmark::State& state, const char* model) {
  recommend::Settings settings = recommend::model_settings(model);
  settings.sessions = kSessions;
  settings.items = kItems;
  auto subject = std::make_unique<Subject>(settings);
  subject->host().state_limit = int64_t{4} << 30;
  Recommender& recommender = subject->recommender();
  int64_t n = 0;
  for (; n < kSessions * 6; ++n) {
    const Click click = made_click(n);
    const uint32_t session = recommender.session(Subject::bytes(click.session), 0);
    const uint32_t item = recommender.item(Subject::bytes(click.item), click.item);
    recommender.learn(session, item, true);
  }
  require(recommender.sessions().size() == kSessions, "not all sessions are in the model");
  require(recommender.items().size() == kItems, "not all items are in the model");

  std::vector<double> times;
  std::vector<Ranked> list;
  int64_t tested = 0;
  const auto step = [&](bool timed) {
    const Click click = made_click(n++);
    const uint32_t session = recommender.session(Subject::bytes(click.session), 0);
    const uint32_t item = recommender.item(Subject::bytes(click.item), click.item);
    if (recommender.has_clicks(session)) {
      const double begin = cpu_microseconds();
      recommender.recommend(session, list, nullptr);
      if (timed) times.push_back(cpu_microseconds() - begin);
      if (++tested % 16 == 0) {
        const auto place = std::find_if(
            list.begin(), list.end(), [item](const Ranked& ranked) { return ranked.item == item; });
        const size_t rank = place == list.end() ? 0 : static_cast<size_t>(place - list.begin()) + 1;
        require(recommender.test(session, item) == rank, "a rank is not that of the list");
      }
    }
    recommender.learn(session, item, true);
  };
  for (auto _ : state) {
    for (int i = 0; i < 50'000; ++i) step(true);
  }
  std::sort(times.begin(), times.end());
  state.counters["p50_us"] = times[times.size() / 2];
  state.counters["p99_us"] = times[times.size() * 99 / 100];
  state.counters["longest_us"] = times.back();
  state.counters["resident_MiB"] = resident_mebibytes();
  state.counters["state_MiB"] = static_cast<double>(subject->host().state().bytes()) / (1 << 20);

  // What a checkpoint takes of the flow's time: freezing all pages, and copying each before it is
  // first written to.
  const double begin = cpu_microseconds();
  subject->host().state().freeze();
  const double frozen = cpu_microseconds();
  times.clear();
  for (int i = 0; i < 5000; ++i) {
    const double start = cpu_microseconds();
    step(false);
    times.push_back(cpu_microseconds() - start);
  }
  subject->host().state().end_epoch(false);
  std::sort(times.begin(), times.end());
  state.counters["freeze_us"] = frozen - begin;
  state.counters["frozen_p99_us"] = times[times.size() * 99 / 100];
}

BENCHMARK_CAPTURE(large_model, repeat_vsknn, "repeat+vsknn")
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(large_model, repeat_vmis, "repeat+vmis")
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(large_model, mixture, "mixture")->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace flow::operators
