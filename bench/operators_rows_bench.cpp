// CPU time a row of the transforms that keep, drop, repeat or rewrite rows, one at a time on one
// core. Each case checks its answer once before it is measured.

#include <benchmark/benchmark.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "bench/operator_case.hpp"
#include "flow/dictionary.hpp"
#include "flow/testing/harness.hpp"
#include "operators/transforms/deduplicate.hpp"
#include "operators/transforms/drop.hpp"
#include "operators/transforms/explode.hpp"
#include "operators/transforms/keep.hpp"
#include "operators/transforms/redact.hpp"
#include "operators/transforms/rename.hpp"
#include "operators/transforms/sample.hpp"
#include "operators/transforms/throttle.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;
using Names = std::vector<std::string>;

TypedColumn texts(Host host, const std::function<std::string(int64_t)>& value,
                  flow_type type = FLOW_TEXT) {
  TextBuilder builder(host, kBatchRows, type);
  for (int64_t row = 0; row < kBatchRows; ++row) builder.append(value(row));
  return {builder.finish(), type == FLOW_JSON ? Type::json() : Type::text()};
}

// Ten columns, positions from `first` on, and of the texts one with `message`.
Batch events(Harness& harness, int64_t first, const std::function<std::string(int64_t)>& message) {
  const Host host = harness.host().host();
  Int64Builder position(host, kBatchRows);
  for (int64_t row = 0; row < kBatchRows; ++row) position.append(first + row);
  const Column positions = position.finish();
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.source = "bench";
  origin.partition = "bench";
  origin.position = positions.get();
  std::vector<NewColumn> columns;
  for (const char* const name :
       {"number_0", "number_1", "number_2", "number_3", "number_4", "number_5"}) {
    columns.push_back({name, {positions, Type::int64()}});
  }
  columns.push_back({"id", texts(host, [&](int64_t row) {
                       return "event " + std::to_string(first + row) + " of the day";
                     })});
  columns.push_back({"host", texts(host, [](int64_t row) {
                       return "203.0.113." + std::to_string(row * 7 % 200);
                     })});
  columns.push_back({"user", texts(host, [](int64_t row) {
                       return "user number " + std::to_string(row * 31 % 1000);
                     })});
  columns.push_back({"message", texts(host, message)});
  Output maker(harness.host().abi());
  return maker.make(kBatchRows, columns, &origin);
}
std::string short_message(int64_t row) { return "message " + std::to_string(row); }

// Measures `rows` rows a push.
void measure(benchmark::State& state, Harness& harness, const Batch& batch, int64_t rows,
             int64_t bytes = 0) {
  for (auto _ : state) {
    harness.push(batch);
    for (uint32_t port = 0; port < harness.descriptor().n_outputs; ++port) {
      harness.host().emitted[port].clear();
    }
  }
  report(state, rows, bytes);
}
int64_t rows_out(Harness& harness) {
  int64_t rows = 0;
  for (const Batch& batch : harness.pull_batches()) rows += batch.rows();
  return rows;
}

template <class T>
void fields(benchmark::State& state, const Settings& settings, uint32_t columns) {
  auto harness = Harness::of<T>(settings);
  const Batch batch = events(harness, 0, short_message);
  harness.push(batch);
  require(harness.pull_batches().at(0).column_count() == columns, "fields: other columns");
  measure(state, harness, batch, kBatchRows);
}
void keep(benchmark::State& state) {
  fields<Keep>(state, {{"fields", Names{"number_*", "id"}}}, 7);
}
BENCHMARK(keep);
void drop(benchmark::State& state) {
  fields<Drop>(state, {{"fields", Names{"number_*", "id"}}}, 3);
}
BENCHMARK(drop);
void rename(benchmark::State& state) {
  fields<Rename>(state, {{"fields", Setting::table({{"number_*", "n*"}})}}, 10);
}
BENCHMARK(rename);

void explode(benchmark::State& state, bool json) {
  constexpr int64_t kElements = 8;
  auto harness = Harness::of<Explode>({{"field", "items"}});
  const Host host = harness.host().host();
  const Batch rows = events(harness, 0, short_message);
  Output maker(harness.host().abi());
  TypedColumn items = texts(
      host, [](int64_t) { return "[1,2,3,\"four\",5,{\"six\":6},7,8]"; }, FLOW_JSON);
  if (!json) {
    Int64Builder elements(host, kBatchRows * kElements);
    ListBuilder lists(host, kBatchRows);
    for (int64_t row = 0; row < kBatchRows; ++row) {
      for (int64_t i = 0; i < kElements; ++i) elements.append(i);
      lists.append((row + 1) * kElements);
    }
    items = {lists.finish(elements.finish()), Type::list(Type::int64())};
  }
  const Batch batch = maker.with(rows, {{"items", items}});
  harness.push(batch);
  require(rows_out(harness) == kBatchRows * kElements, "explode: rows are missing");
  measure(state, harness, batch, kBatchRows * kElements);
}
BENCHMARK_CAPTURE(explode, list, false);
BENCHMARK_CAPTURE(explode, json, true);

void sample(benchmark::State& state, const Settings& more) {
  Settings settings = {{"rate", 0.1}};
  settings.insert(settings.end(), more.begin(), more.end());
  auto harness = Harness::of<Sample>(settings);
  const Batch batch = events(harness, 0, short_message);
  harness.push(batch);
  const int64_t kept = rows_out(harness);
  require(kept > kBatchRows / 20 && kept < kBatchRows / 5, "sample: another share");
  measure(state, harness, batch, kBatchRows);
}
BENCHMARK_CAPTURE(sample, position, {});
BENCHMARK_CAPTURE(sample, key, {{"key", Names{"user"}}});

void deduplicate_known(benchmark::State& state) {
  auto harness = Harness::of<Deduplicate>({{"key", Names{"id"}}});
  const Batch batch = events(harness, 0, short_message);
  harness.push(batch);
  require(rows_out(harness) == kBatchRows, "deduplicate: new keys are missing");
  measure(state, harness, batch, kBatchRows);
}
BENCHMARK(deduplicate_known);

void deduplicate_new(benchmark::State& state) {
  auto harness = Harness::of<Deduplicate>({{"key", Names{"id"}}, {"keys", 200'000}});
  std::vector<Batch> batches;
  for (int64_t i = 0; i < 100; ++i)
    batches.push_back(events(harness, i * kBatchRows, short_message));
  for (const Batch& batch : batches) harness.push(batch);
  require(rows_out(harness) == 100 * kBatchRows, "deduplicate: new keys are missing");
  size_t next = 0;
  for (auto _ : state) {
    harness.push(batches[next]);
    next = (next + 1) % batches.size();
    harness.host().emitted[0].clear();
  }
  report(state);
}
BENCHMARK(deduplicate_new);

void throttle(benchmark::State& state, const Settings& settings) {
  auto harness = Harness::of<Throttle>(settings);
  const Batch batch = events(harness, 0, short_message);
  harness.push(batch);
  require(rows_out(harness) + harness.dropped("over limit") == kBatchRows,
          "throttle: rows are missing");
  measure(state, harness, batch, kBatchRows);
}
BENCHMARK_CAPTURE(throttle, by_key_over, {{"rate", 1.0}, {"key", Names{"user"}}});
BENCHMARK_CAPTURE(throttle, one_key_over, {{"rate", 1.0}});

// Words without anything that something could begin with.
std::string plain_text(int64_t row) {
  std::string text;
  while (text.size() < 300)
    text += row % 2 == 0 ? "the quick brown fox jumps " : "lorem ipsum dolor sit ";
  text.resize(300);
  return text;
}
std::string log_line(int64_t row) {
  std::string line = "2025-10-28T10:15:30.123Z INFO worker-" + std::to_string(row % 16) +
                     " request=\"GET /product.php?id=" + std::to_string(row) +
                     " HTTP/1.1\" status=200 bytes=" + std::to_string(row * 37 % 100'000) +
                     " took=12.5ms trace=550e8400-e29b-41d4-a716-446655440000 agent=\"Mozilla/5.0 "
                     "(Windows NT 10.0; Win64; x64) Chrome/120.0.0.0 Safari/537.36\" ";
  line.resize(300, 'x');
  return line;
}
std::string personal_line(int64_t row) {
  std::string line = log_line(row);
  line.replace(
      60, 60,
      "user" + std::to_string(row % 100) + "@example.com from 192.0.2.1 pays 4111 1111 1111 1111");
  return line;
}

void redact(benchmark::State& state, std::string (*message)(int64_t), const Settings& more) {
  Settings settings = {{"fields", Names{"message"}}};
  settings.insert(settings.end(), more.begin(), more.end());
  auto harness = Harness::of<Redact>(settings);
  const Batch batch = events(harness, 0, message);
  harness.push(batch);
  require(rows_out(harness) == kBatchRows, "redact: rows are missing");
  const bool personal = message == personal_line;
  require((harness.metric("redacted_email") == kBatchRows) == personal, "redact: other finds");
  int64_t bytes = 0;
  for (int64_t row = 0; row < kBatchRows; ++row) {
    bytes += static_cast<int64_t>(TextView(*batch.find("message"))[row].size());
  }
  measure(state, harness, batch, kBatchRows, bytes);
}
BENCHMARK_CAPTURE(redact, plain_text, plain_text, {});
BENCHMARK_CAPTURE(redact, log_line, log_line, {});
BENCHMARK_CAPTURE(redact, three_finds_masked, personal_line, {});
BENCHMARK_CAPTURE(redact, three_finds_hashed, personal_line, {{"action", "hash"}, {"secret", "s"}});

void memchr_of_plain_text(benchmark::State& state) {
  auto harness = Harness::of<Redact>();
  const Batch batch = events(harness, 0, plain_text);
  const TextView messages(*batch.find("message"));
  for (auto _ : state) {
    for (int64_t row = 0; row < kBatchRows; ++row) {
      benchmark::DoNotOptimize(std::memchr(messages[row].data(), '@', messages[row].size()));
    }
  }
  report(state, kBatchRows, kBatchRows * 300);
}
BENCHMARK(memchr_of_plain_text);

}  // namespace
}  // namespace flow::operators
