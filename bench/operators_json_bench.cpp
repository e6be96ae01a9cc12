// The codec json, parse_json and cast on typical events: some 300 bytes, a dozen fields of all
// types, an escape here and there, an object inside. CPU time a row and bytes a second, on one
// core. Each case checks its answer once before it is measured.

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <vector>

#include "bench/byte_pieces.hpp"
#include "bench/operator_case.hpp"
#include "flow/testing/harness.hpp"
#include "operators/codecs/json.hpp"
#include "operators/codecs/lines.hpp"
#include "operators/transforms/cast.hpp"
#include "operators/transforms/parse_json.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;

void report_events(benchmark::State& state, int64_t bytes) {
  report(state, kBatchRows, bytes);
  state.counters["bytes/row"] = static_cast<double>(bytes) / static_cast<double>(kBatchRows);
}

std::string event(int64_t row) {
  constexpr std::string_view kCountries[] = {"FR", "DE", "US", "JP", "BR"};
  constexpr std::string_view kPaths[] = {"/", "/cart", "/product/4711", "/search?q=desk+lamp"};
  std::string text = "{\"time\":\"2025-10-28T10:";
  const auto number = [&](int64_t value) { text.append(std::to_string(value)); };
  const auto two = [&](int64_t value) {
    if (value < 10) text.append("0");
    number(value);
  };
  two(row / 60 % 60);
  text.append(":");
  two(row % 60);
  text.append(".");
  number(100 + row % 900);
  text.append("Z\",\"level\":\"info\",\"service\":\"checkout-api\",\"status\":");
  number(row % 50 == 0 ? 503 : 200);
  text.append(",\"duration\":");
  number(row * 7 % 300);
  text.append(".");
  number(row * 13 % 1000);
  text.append(",\"bytes\":");
  number(row * 7919 % 100'000);
  text.append(",\"cached\":").append(row % 3 == 0 ? "true" : "false");
  text.append(",\"user\":{\"id\":\"u-");
  number(1'000'000 + row * 31 % 500'000);
  text.append("\",\"country\":\"").append(kCountries[row % 5]).append("\",\"age\":");
  number(18 + row % 60);
  text.append("},\"method\":\"GET\",\"path\":\"").append(kPaths[row * 3 % 4]);
  text.append("\",\"message\":\"request ");
  number(row * 104'729);
  text.append(row % 4 == 0 ? " of \\\"desk lamp\\\" served" : " of a customer served");
  text.append("\",\"host\":\"node-");
  number(row % 40);
  text.append(".example.com\"}\n");
  return text;
}

std::string events() {
  std::string text;
  for (int64_t row = 0; row < kBatchRows; ++row) text.append(event(row));
  return text;
}

Setting whole_schema() {
  return Setting::table(
      {{"time", "timestamp"},
       {"level", "category"},
       {"service", "category"},
       {"status", "int"},
       {"duration", "float"},
       {"bytes", "int"},
       {"cached", "bool"},
       {"user", Setting::table({{"id", "text"}, {"country", "category"}, {"age", "int"}})},
       {"method", "text"},
       {"path", "text"},
       {"message", "text"},
       {"host", "text"}});
}

Setting three_fields() {
  return Setting::table({{"time", "timestamp"}, {"status", "int"}, {"duration", "float"}});
}

void decode(benchmark::State& state, const Settings& settings) {
  const std::string text = events();
  auto harness = Harness::of<Json>(settings, FLOW_ROLE_DECODE);
  const Batch batch = byte_pieces(harness, text, 1 << 18);
  harness.push(batch);
  require(harness.pull_batches().at(0).rows() == kBatchRows, "json: rows are missing");
  for (auto _ : state) {
    harness.push(batch);
    harness.pull_batches();
  }
  report_events(state, static_cast<int64_t>(text.size()));
}
BENCHMARK_CAPTURE(decode, all_declared, {{"schema", whole_schema()}});
BENCHMARK_CAPTURE(decode, three_declared, {{"schema", three_fields()}});
BENCHMARK_CAPTURE(decode, three_declared_rest_dropped,
                  {{"schema", three_fields()}, {"undeclared", "drop"}});
BENCHMARK_CAPTURE(decode, undeclared, {});

void encode(benchmark::State& state, const Settings& settings) {
  const std::string text = events();
  auto decoder = Harness::of<Json>(settings, FLOW_ROLE_DECODE);
  decoder.push(byte_pieces(decoder, text, 1 << 18));
  const Batch batch = decoder.pull_batches().at(0);
  auto harness = Harness::of<Json>({}, FLOW_ROLE_ENCODE);
  harness.push(batch);
  const Batch first = harness.pull_batches().at(0);
  const TextView documents(first.column(0));
  int64_t bytes = 0;
  for (int64_t row = 0; row < kBatchRows; ++row)
    bytes += static_cast<int64_t>(documents[row].size());
  require(documents[1].substr(0, 53) == event(1).substr(0, 53), "json: another document");
  for (auto _ : state) {
    harness.push(batch);
    harness.pull_batches();
  }
  report_events(state, bytes);
}
BENCHMARK_CAPTURE(encode, typed, {{"schema", whole_schema()}});
BENCHMARK_CAPTURE(encode, tokens, {});

void parse(benchmark::State& state, const Settings& settings) {
  const std::string text = events();
  auto lines = Harness::of<Lines>({}, FLOW_ROLE_DECODE);
  lines.push(byte_pieces(lines, text, 1 << 18));
  const Batch batch = lines.pull_batches().at(0);
  auto harness = Harness::of<ParseJson>(settings);
  harness.push(batch);
  require(harness.pull_batches().at(0).rows() == kBatchRows, "parse_json: rows are missing");
  for (auto _ : state) {
    harness.push(batch);
    harness.pull_batches();
  }
  report_events(state, static_cast<int64_t>(text.size()));
}
BENCHMARK_CAPTURE(parse, all_declared, {{"schema", whole_schema()}});
BENCHMARK_CAPTURE(parse, undeclared, {});

// From JSON tokens, what a schema would have made of them at once. Bytes: of the whole events.
void cast(benchmark::State& state, const char* field, const char* type) {
  const std::string text = events();
  auto decoder = Harness::of<Json>({}, FLOW_ROLE_DECODE);
  decoder.push(byte_pieces(decoder, text, 1 << 18));
  const Batch batch = decoder.pull_batches().at(0);
  auto harness = Harness::of<Cast>({{"fields", Setting::table({{field, type}})}});
  harness.push(batch);
  require(harness.pull_batches().at(0).rows() == kBatchRows, "cast: rows are missing");
  for (auto _ : state) {
    harness.push(batch);
    harness.pull_batches();
  }
  report_events(state, static_cast<int64_t>(text.size()));
}
BENCHMARK_CAPTURE(cast, int_field, "status", "int");
BENCHMARK_CAPTURE(cast, float_field, "duration", "float");
BENCHMARK_CAPTURE(cast, timestamp_field, "time", "timestamp");
BENCHMARK_CAPTURE(cast, category_field, "service", "category");
BENCHMARK_CAPTURE(cast, text_field, "message", "text");

}  // namespace
}  // namespace flow::operators
