// MB/s of encoded rows through the sink `file`, plain, compressed and spread over many paths,
// through `stdout` and `discard`, and of rows through the codec `pretty`. Each case checks what was
// written.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "bench/bench_folder.hpp"
#include "bench/operator_case.hpp"
#include "flow/builder.hpp"
#include "flow/testing/harness.hpp"
#include "operators/codecs/pretty.hpp"
#include "operators/sinks/discard.hpp"
#include "operators/sinks/file.hpp"
#include "operators/sinks/stdout.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;

constexpr int kBatches = 200;

// Documents of some 500 bytes as a codec leaves them, one behind the other in one buffer, and a
// field with `paths` different values beside them.
Batch documents(Harness& harness, int64_t paths, int64_t& bytes) {
  const Host host = harness.host().host();
  std::string text;
  std::vector<size_t> ends;
  uint64_t state = 88172645463325252U;
  for (int64_t row = 0; row < kBatchRows; ++row) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    text.append(R"({"host":"203.0.113.)").append(std::to_string(row % 250));
    text.append(R"(","datetime":"28/Oct/2025:10:15:30 +0000","request":"GET /product.php?id=)");
    text.append(std::to_string(state % 100'000)).append(R"( HTTP/1.1","response":"200","bytes":")");
    text.append(std::to_string(state >> 44)).append(R"(","referer":"http://example.com/search?q=)");
    text.append(std::to_string(state >> 20 & 0xffffff));
    text.append(R"(","agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 )");
    text.append(R"((KHTML, like Gecko) Chrome/120.0.0.)").append(std::to_string(state % 3000));
    text.append(R"( Safari/537.36","city":"City of )").append(std::to_string(state % 900));
    text.append(R"(","country":"Country )").append(std::to_string(state % 200));
    text.append(
        R"(","location":{"lat":1.25,"lon":-1.5},"os":"Windows 10","device_type":"desktop")");
    text.append(R"(,"webpage":"product","refering_page":"search"})").append("\n");
    ends.push_back(text.size());
  }
  const Buffer buffer = host.allocate(static_cast<int64_t>(text.size()));
  std::memcpy(buffer->data, text.data(), text.size());
  TextBuilder rows(host, kBatchRows, FLOW_BINARY);
  TextBuilder fields(host, kBatchRows);
  const int32_t number = rows.share(buffer);
  const auto* const base = static_cast<const char*>(buffer->data);
  size_t begin = 0;
  int64_t row = 0;
  for (const size_t end : ends) {
    rows.append_shared({base + begin, end - begin}, number, base);
    fields.append("value " + std::to_string(row++ * 7919 % paths));
    begin = end;
  }
  bytes = static_cast<int64_t>(text.size());
  Output maker(harness.host().abi());
  return maker.make(
      kBatchRows,
      {{"bytes", {rows.finish(), Type::binary()}}, {"kept:f", {fields.finish(), Type::text()}}},
      nullptr);
}

// One iteration is a whole run of kBatches batches, to the last rename.
void file_sink(benchmark::State& state, const char* name, int64_t paths, Settings settings) {
  int64_t bytes = 0;
  double ratio = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const BenchFolder folder;
    settings.emplace_back("path", folder.path(name));
    auto harness = Harness::of<FileSink>(settings);
    settings.pop_back();
    Batch batch = documents(harness, paths, bytes);
    if (std::string_view(name).find('{') == std::string_view::npos) {
      Output maker(harness.host().abi());
      batch = maker.make(kBatchRows, {{"bytes", {batch.share_column(0), Type::binary()}}}, nullptr);
    }
    state.ResumeTiming();
    for (int i = 0; i < kBatches; ++i) harness.push(batch);
    harness.close();
    state.PauseTiming();
    const int64_t written = folder.bytes();
    const bool plain = std::string_view(name).find(".txt") == std::string_view(name).size() - 4;
    require(plain ? written == bytes * kBatches : written > 0 && written < bytes * kBatches / 2,
            "file: other bytes on disk");
    ratio = static_cast<double>(bytes * kBatches) / static_cast<double>(written);
    state.ResumeTiming();
  }
  const auto rows = static_cast<int64_t>(state.iterations()) * kBatches * kBatchRows;
  state.counters["per_row"] = benchmark::Counter(
      static_cast<double>(rows), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["ratio"] = ratio;
  state.SetBytesProcessed(rows / kBatchRows * bytes);
}
#define FILE_BENCHMARK(name, ...) \
  BENCHMARK_CAPTURE(file_sink, name, __VA_ARGS__)->Iterations(3)->Unit(benchmark::kMillisecond)
FILE_BENCHMARK(plain, "x.txt", 1, Settings());
FILE_BENCHMARK(plain_replace, "x.txt", 1, Settings({{"mode", "replace"}}));
FILE_BENCHMARK(plain_rolled, "x.txt", 1,
               Settings({{"roll", Setting::table({{"size", "100MiB"}})}}));
FILE_BENCHMARK(gzip, "x.gz", 1, Settings({{"level", 1}}));
FILE_BENCHMARK(zstd, "x.zst", 1, Settings());
FILE_BENCHMARK(paths_10, "{f}/x.txt", 10, Settings());
FILE_BENCHMARK(paths_1000, "{f}/x.txt", 1000, Settings());
FILE_BENCHMARK(paths_1000_rolled, "{f}/x.txt", 1000,
               Settings({{"roll", Setting::table({{"size", "100MiB"}})}}));
FILE_BENCHMARK(paths_1000_zstd, "{f}/x.zst", 1000, Settings());

// The encoded column alone.
Batch encoded_documents(Harness& harness, int64_t& bytes) {
  const Batch batch = documents(harness, 1, bytes);
  Output maker(harness.host().abi());
  return maker.make(kBatchRows, {{"bytes", {batch.share_column(0), Type::binary()}}}, nullptr);
}

// The standard output is another file until the end of the scope.
class StandardOutput {
 public:
  explicit StandardOutput(int file) {
    std::fflush(stdout);
    before_ = ::dup(STDOUT_FILENO);
    require(file >= 0 && before_ >= 0 && ::dup2(file, STDOUT_FILENO) >= 0, "stdout: dup2");
    ::close(file);
  }
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;
  ~StandardOutput() {
    ::dup2(before_, STDOUT_FILENO);
    ::close(before_);
  }

 private:
  int before_ = -1;
};

// To /dev/null, which costs a system call a batch; what would be there is looked at in memory.
void stdout_sink(benchmark::State& state) {
  auto harness = Harness::of<StdoutSink>();
  int64_t bytes = 0;
  const Batch batch = encoded_documents(harness, bytes);
  {
    const StandardOutput memory(::memfd_create("stdout", MFD_CLOEXEC));
    harness.push(batch);
    struct stat written {};
    require(::fstat(STDOUT_FILENO, &written) == 0 && written.st_size == bytes,
            "stdout: bytes are missing");
  }
  const StandardOutput null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  for (auto _ : state) harness.push(batch);
  report(state, kBatchRows, bytes);
}
BENCHMARK(stdout_sink);

void discard_sink(benchmark::State& state) {
  auto harness = Harness::of<DiscardSink>();
  int64_t bytes = 0;
  const Batch batch = encoded_documents(harness, bytes);
  harness.push(batch);
  require(harness.failed().empty() && harness.host().dropped.empty(), "discard: rows are lost");
  for (auto _ : state) harness.push(batch);
  report(state, kBatchRows);
}
BENCHMARK(discard_sink);

void pretty_encode(benchmark::State& state, const char* layout) {
  auto harness = Harness::of<Pretty>({{"layout", layout}}, FLOW_ROLE_ENCODE);
  const Host host = harness.host().host();
  TextBuilder names(host, kBatchRows);
  Int64Builder numbers(host, kBatchRows);
  TimestampBuilder times(host, kBatchRows);
  for (int64_t row = 0; row < kBatchRows; ++row) {
    names.append("a text of some length, number " + std::to_string(row));
    numbers.append(row);
    times.append(1'761'646'530'000'000'000 + row * 1'000'000'000);
  }
  Output maker(harness.host().abi());
  const Batch batch = maker.make(kBatchRows,
                                 {{"time", {times.finish(), Type::timestamp()}},
                                  {"name", {names.finish(), Type::text()}},
                                  {"number", {numbers.finish(), Type::int64()}}},
                                 nullptr);
  harness.push(batch);
  require(harness.pull_batches().at(0).rows() == kBatchRows, "pretty: rows are missing");
  for (auto _ : state) {
    harness.push(batch);
    harness.pull_batches();
  }
  report(state);
}
BENCHMARK_CAPTURE(pretty_encode, block, "block");
BENCHMARK_CAPTURE(pretty_encode, line, "line");

}  // namespace
}  // namespace flow::operators
