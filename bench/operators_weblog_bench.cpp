// The four operators of the web-log flow, one behind the other on the same batch, as a fused chain
// runs them: nanoseconds a row for each, cold caches included. Every line must be a document or a
// dead letter; how many documents there are is a counter, for bench/run to compare.
//
//   FLOWRUN_BENCH_LOG=access.log FLOWRUN_BENCH_MMDB=city.mmdb build/bench/operators_weblog_bench
//
// The log: shared/data/weblogs/generate.py OUT 3000000 7.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <optional>
#include <string>

#include "bench/operator_case.hpp"
#include "flow/testing/harness.hpp"
#include "operators/transforms/geoip.hpp"
#include "operators/transforms/page_name.hpp"
#include "operators/transforms/parse_access_log.hpp"
#include "operators/transforms/user_agent.hpp"

namespace {

using flow::Batch;
using flow::testing::Harness;
using flow::testing::Settings;

// Batches of lines as views into pieces of the file, as the codec `lines` makes them.
class Lines {
 public:
  explicit Lines(const std::string& path) : file_(path, std::ios::binary) {}

  std::optional<Batch> next(const flow_host* abi, int64_t rows) {
    const flow::Host host(abi);
    constexpr int64_t kLineBytes = 512;
    flow::Buffer buffer = host.allocate(rows * kLineBytes);
    auto* const data = static_cast<char*>(buffer->data);
    std::memcpy(data, rest_.data(), rest_.size());
    file_.read(data + rest_.size(), rows * kLineBytes - static_cast<std::streamsize>(rest_.size()));
    const std::string_view text(data, rest_.size() + static_cast<size_t>(file_.gcount()));
    flow::TextBuilder builder(host, rows);
    const int32_t number = builder.share(buffer);
    size_t at = 0;
    for (size_t end; builder.size() < rows && (end = text.find('\n', at)) != std::string_view::npos;
         at = end + 1) {
      builder.append_shared(text.substr(at, end - at), number, data);
    }
    if (builder.size() == 0) return std::nullopt;
    rest_ = text.substr(at);
    const int64_t count = builder.size();
    flow::Output maker(abi);
    return maker.make(count, {{"message", {builder.finish(), flow::Type::text()}}}, nullptr);
  }

 private:
  std::ifstream file_;
  std::string rest_;
};

// Of this thread, in nanoseconds: what else the machine does hardly counts.
double cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

void chain(benchmark::State& state) {
  const char* const log = std::getenv("FLOWRUN_BENCH_LOG");
  const char* const mmdb = std::getenv("FLOWRUN_BENCH_MMDB");
  if (log == nullptr || mmdb == nullptr) {
    state.SkipWithError("set FLOWRUN_BENCH_LOG and FLOWRUN_BENCH_MMDB");
    return;
  }
  std::array<double, 4> spent{};
  double all = 0;
  int64_t rows = 0;
  int64_t documents = 0;
  int64_t failed = 0;
  for (auto _ : state) {
    std::array<Harness, 4> operators = {
        Harness::of<flow::operators::ParseAccessLog>(),
        Harness::of<flow::operators::Geoip>(Settings{{"database", mmdb}}),
        Harness::of<flow::operators::IdentifyUserAgent>(),
        Harness::of<flow::operators::PageName>()};
    Lines lines(log);
    while (auto batch = lines.next(operators[0].host().abi(), state.range(0))) {
      rows += batch->rows();
      for (size_t i = 0; i < operators.size(); ++i) {
        const double begin = cpu_time();
        operators[i].push(*batch);
        batch.reset();
        std::vector<Batch> out = operators[i].pull_batches();
        if (!out.empty()) batch = std::move(out.front());
        out.clear();
        spent[i] += cpu_time() - begin;
        if (!batch) break;
      }
      if (batch) documents += batch->rows();
    }
    for (const Harness& harness : operators)
      failed += static_cast<int64_t>(harness.failed().size());
  }
  flow::operators::require(documents > 0 && documents + failed == rows, "rows are missing");
  constexpr std::array<const char*, 4> kNames = {"parse", "geoip", "user_agent", "page_name"};
  for (size_t i = 0; i < spent.size(); ++i) {
    state.counters[kNames[i]] = spent[i] / static_cast<double>(rows);
    all += spent[i];
  }
  state.counters["all"] = all / static_cast<double>(rows);
  state.counters["rows"] = static_cast<double>(rows);
  state.counters["documents"] = static_cast<double>(documents);
}
BENCHMARK(chain)->Arg(1024)->Arg(4096)->Iterations(1)->Repetitions(3)->Unit(
    benchmark::kMillisecond);

}  // namespace
