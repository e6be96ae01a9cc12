// CPU time a row of the codecs lines and json on access logs, and of the transform filter, one at a
// time on one core. Each case checks its answer once before it is measured.

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/byte_pieces.hpp"
#include "bench/operator_case.hpp"
#include "flow/dictionary.hpp"
#include "flow/testing/harness.hpp"
#include "operators/codecs/json.hpp"
#include "operators/codecs/lines.hpp"
#include "operators/sources/generate.hpp"
#include "operators/transforms/filter.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;
using flow::testing::Setting;

// Access-log lines of `width` bytes.
std::string log_lines(int64_t rows, size_t width) {
  std::string text;
  for (int64_t row = 0; row < rows; ++row) {
    std::string line =
        "203.0.113." + std::to_string(row % 250) +
        " - - [28/Oct/2025:10:15:30 +0000] \"GET /product.php?id=" + std::to_string(row) +
        " HTTP/1.1\" 200 1234 \"http://example.com/\" \"Mozilla";
    line.resize(width - 2, 'x');
    text += line + "\"\n";
  }
  return text;
}

// The batch that the web-log flow encodes: 15 columns, documents of some 540 bytes.
Batch weblogs(Harness& harness, SharedDictionary& dictionary) {
  const Host host = harness.host().host();
  Output maker(harness.host().abi());
  const auto text = [&](auto value) {
    TextBuilder builder(host, kBatchRows);
    for (int64_t row = 0; row < kBatchRows; ++row) builder.append(value(row));
    return TypedColumn{builder.finish(), Type::text()};
  };
  const auto category = [&](const char* name, int64_t distinct) {
    DictionaryBuilder builder(host, kBatchRows, dictionary);
    for (int64_t row = 0; row < kBatchRows; ++row) {
      const std::string value = std::string(name) + std::to_string(row * 7 % distinct);
      builder.append(dictionary.intern(host, value), value);
    }
    return builder.finish();
  };
  const auto number = [&](double step) {
    Float64Builder builder(host, kBatchRows);
    for (int64_t row = 0; row < kBatchRows; ++row) {
      builder.append(static_cast<double>(row * 37 % 100'000) / 10'000.0 * step);
    }
    return builder.finish();
  };
  StructBuilder location(host, kBatchRows);
  location.add(number(1.0));
  location.add(number(-1.0));
  const Type location_type = Type::structure({{"lat", Type::float64()}, {"lon", Type::float64()}});
  return maker.make(
      kBatchRows,
      {{"host", text([](int64_t row) { return "203.0.113." + std::to_string(row % 250); })},
       {"datetime", text([](int64_t) { return "28/Oct/2025:10:15:30 +0000"; })},
       {"request", text([](int64_t row) {
          return "GET /product.php?id=" + std::to_string(row) + " HTTP/1.1";
        })},
       {"response", text([](int64_t) { return "200"; })},
       {"bytes", text([](int64_t row) { return std::to_string(1000 + row); })},
       {"referer", text([](int64_t) { return "http://example.com/search.php?q=a+lamp"; })},
       {"agent", text([](int64_t row) {
          return "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                 "Chrome/120.0.0." +
                 std::to_string(row % 3000) + " Safari/537.36";
        })},
       {"city", category("City of ", 900)},
       {"country", category("Country ", 200)},
       {"location", {location.finish(), location_type}},
       {"os", category("Windows ", 10)},
       {"browser", category("Chrome ", 20)},
       {"device_type", category("desktop", 5)},
       {"webpage", text([](int64_t) { return "product"; })},
       {"refering_page", text([](int64_t) { return "search"; })}},
      nullptr);
}

void lines_decode(benchmark::State& state) {
  auto harness = Harness::of<Lines>({}, FLOW_ROLE_DECODE);
  const std::string text = log_lines(kBatchRows, 307);
  const Batch batch = byte_pieces(harness, text, 1 << 18);
  harness.push(batch);
  require(harness.pull_batches().at(0).rows() == kBatchRows, "lines: rows are missing");
  for (auto _ : state) {
    harness.push(batch);
    harness.pull_batches();
  }
  report(state, kBatchRows, static_cast<int64_t>(text.size()));
}
BENCHMARK(lines_decode);

void json_encode_weblogs(benchmark::State& state) {
  auto harness = Harness::of<Json>({}, FLOW_ROLE_ENCODE);
  SharedDictionary dictionary;
  const Batch batch = weblogs(harness, dictionary);
  harness.push(batch);
  const Batch first = harness.pull_batches().at(0);
  int64_t bytes = 0;
  for (int64_t row = 0; row < kBatchRows; ++row) {
    bytes += static_cast<int64_t>(TextView(first.column(0))[row].size());
  }
  require(TextView(first.column(0))[1].substr(0, 67) ==
              R"({"host":"203.0.113.1","datetime":"28/Oct/2025:10:15:30 +0000","requ)",
          "json: another document");
  for (auto _ : state) {
    harness.push(batch);
    harness.pull_batches();
  }
  report(state, kBatchRows, bytes);
  state.counters["bytes/row"] = static_cast<double>(bytes) / kBatchRows;
}
BENCHMARK(json_encode_weblogs);

void json_decode(benchmark::State& state, bool declared) {
  flow::testing::Settings settings;
  if (declared) {
    settings = {
        {"schema", Setting::table({{"host", "text"}, {"response", "int"}, {"agent", "text"}})}};
  }
  auto encoder = Harness::of<Json>({}, FLOW_ROLE_ENCODE);
  SharedDictionary dictionary;
  encoder.push(weblogs(encoder, dictionary));
  const Batch encoded = encoder.pull_batches().at(0);
  std::string text;
  for (int64_t row = 0; row < kBatchRows; ++row) text += TextView(encoded.column(0))[row];

  auto harness = Harness::of<Json>(settings, FLOW_ROLE_DECODE);
  const Batch batch = byte_pieces(harness, text, 1 << 18);
  harness.push(batch);
  require(harness.pull_batches().at(0).rows() == kBatchRows, "json: rows are missing");
  for (auto _ : state) {
    harness.push(batch);
    harness.pull_batches();
  }
  report(state, kBatchRows, static_cast<int64_t>(text.size()));
}
BENCHMARK_CAPTURE(json_decode, undeclared, false);
BENCHMARK_CAPTURE(json_decode, three_declared, true);

void filter(benchmark::State& state, const char* where) {
  auto source = Harness::of<Generate>({{"dataset", "sensors"}, {"seed", 7}});
  source.assign("generated");
  source.poll();
  const Batch batch = source.pull_batches().at(0);
  auto harness = Harness::of<Filter>({{"where", where}});
  harness.push(batch);
  int64_t kept = 0;
  for (const Batch& out : harness.pull_batches()) kept += out.rows();
  require(kept + harness.dropped("condition false") == kBatchRows, "filter: rows are missing");
  for (auto _ : state) {
    harness.push(batch);
    harness.pull_batches();
  }
  report(state, kBatchRows);
  state.counters["kept"] = static_cast<double>(kept) / kBatchRows;
}
BENCHMARK_CAPTURE(filter, half, "temperature >= 25");
BENCHMARK_CAPTURE(filter, all, "temperature >= 0");
BENCHMARK_CAPTURE(filter, none, "temperature > 50");
BENCHMARK_CAPTURE(filter, category, "sensor < 's-0500'");

void generate_filter(benchmark::State& state) {
  auto source = Harness::of<Generate>({{"dataset", "sensors"}, {"seed", 7}});
  source.assign("generated");
  auto harness = Harness::of<Filter>({{"where", "temperature >= 25"}});
  for (auto _ : state) {
    source.poll();
    for (const Batch& batch : source.pull_batches()) harness.push(batch);
    source.host().emissions.clear();
    harness.pull_batches();
  }
  report(state, kBatchRows);
}
BENCHMARK(generate_filter);

}  // namespace
}  // namespace flow::operators
