// The sources of plugins/std and plugins/files on one core: rows that are made up by CPU time,
// bytes that are read by the wall clock, since others write them. Each case counts what came.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/bench_folder.hpp"
#include "bench/operator_case.hpp"
#include "flow/testing/harness.hpp"
#include "operators/sources/exec.hpp"
#include "operators/sources/file.hpp"
#include "operators/sources/generate.hpp"
#include "operators/sources/stdin.hpp"
#include "tests/operators/common/compressed_bytes.hpp"
#include "tests/operators/sources/redirected_input.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;

void generate(benchmark::State& state, const char* dataset) {
  auto harness = Harness::of<Generate>({{"dataset", dataset}, {"seed", 7}});
  harness.assign("generated");
  harness.poll();
  require(harness.pull_batches().at(0).rows() == kBatchRows, "generate: a batch of another size");
  for (auto _ : state) {
    harness.poll();
    harness.pull_batches();
    harness.host().emissions.clear();
  }
  report(state, kBatchRows);
}
BENCHMARK_CAPTURE(generate, sensors, "sensors");
BENCHMARK_CAPTURE(generate, access_log, "access_log");
BENCHMARK_CAPTURE(generate, clicks, "clicks");
BENCHMARK_CAPTURE(generate, fleet, "fleet");

// ---- sources of bytes: MB/s by the wall clock, since others write what they read ----

constexpr int64_t kStreamBytes = int64_t{256} << 20;

// Polls to the end.
void drain(Harness& harness, const char* partition, int64_t wanted = kStreamBytes) {
  harness.assign(partition);
  int64_t bytes = 0;
  for (bool more = true; more;) {
    more = harness.poll() != FLOW_END;
    for (const Batch& batch : harness.pull_batches()) {
      const TextView pieces(batch.column(0));
      for (int64_t row = 0; row < batch.rows(); ++row) {
        bytes += static_cast<int64_t>(pieces[row].size());
      }
    }
    harness.host().emissions.clear();
  }
  require(bytes == wanted, "a source: bytes are missing");
}

void stdin_pipe(benchmark::State& state) {
  const std::string block(1 << 16, 'x');
  for (auto _ : state) {
    std::array<int, 2> ends{};
    require(::pipe(ends.data()) == 0, "pipe");
    const flow::testing::RedirectedInput input(ends[0]);
    ::close(ends[0]);
    std::thread writer([&] {
      for (int64_t left = kStreamBytes; left > 0;) {
        const ssize_t done = ::write(ends[1], block.data(), block.size());
        if (done < 0) break;
        left -= done;
      }
      ::close(ends[1]);
    });
    auto harness = Harness::of<StdinSource>();
    drain(harness, "stdin");
    writer.join();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * kStreamBytes);
}
BENCHMARK(stdin_pipe)->UseRealTime()->Unit(benchmark::kMillisecond);

// In memory, so that no disk is measured.
void stdin_file(benchmark::State& state) {
  const int file = ::memfd_create("stdin", MFD_CLOEXEC);
  require(file >= 0 && ::ftruncate(file, kStreamBytes) == 0, "memfd_create");
  const flow::testing::RedirectedInput input(file);
  for (auto _ : state) {
    require(::lseek(STDIN_FILENO, 0, SEEK_SET) == 0, "lseek");
    auto harness = Harness::of<StdinSource>();
    drain(harness, "stdin");
  }
  ::close(file);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * kStreamBytes);
}
BENCHMARK(stdin_file)->UseRealTime()->Unit(benchmark::kMillisecond);

void exec(benchmark::State& state) {
  const std::vector<std::string> command = {"head", "-c", std::to_string(kStreamBytes),
                                            "/dev/zero"};
  for (auto _ : state) {
    auto harness = Harness::of<ExecSource>({{"command", command}, {"restart", "never"}});
    drain(harness, "exec");
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * kStreamBytes);
}
BENCHMARK(exec)->UseRealTime()->Unit(benchmark::kMillisecond);

// Lines of an access log, hardly two alike; of the page cache, compressed or not.
std::string log_lines(int64_t bytes) {
  std::string text;
  for (uint64_t row = 0; static_cast<int64_t>(text.size()) < bytes; ++row) {
    const uint64_t mixed = row * 0x9E3779B97F4A7C15U;
    text.append("203.0.113.").append(std::to_string(mixed >> 56));
    text.append(" - - [28/Oct/2025:10:15:30 +0000] \"GET /product.php?id=");
    text.append(std::to_string(mixed >> 40)).append(" HTTP/1.1\" 200 ");
    text.append(std::to_string(mixed >> 48)).append(" \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n");
  }
  text.resize(static_cast<size_t>(bytes));
  return text;
}

void file(benchmark::State& state, const char* name, std::string (*packed)(std::string_view)) {
  constexpr int64_t kFileBytes = int64_t{64} << 20;
  const BenchFolder folder;
  const std::string path = folder.path(name);
  std::ofstream(path, std::ios::binary) << packed(log_lines(kFileBytes));
  for (auto _ : state) {
    auto harness = Harness::of<FileSource>({{"path", std::vector<std::string>{path}}});
    drain(harness, path.c_str(), kFileBytes);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * kFileBytes);
}
std::string as_it_is(std::string_view text) { return std::string(text); }
BENCHMARK_CAPTURE(file, plain, "x.log", as_it_is)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(file, gzip, "x.log.gz", flow::testing::gzip)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(file, zstd, "x.log.zst", flow::testing::zstd)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace flow::operators
