// Rows a second into a table of SQLite by the sink `sqlite`, on one core: inserted and replaced by
// a text key, spread over many keys or few, with and without a full-text index. A row has six
// columns, some 100 bytes. Files go to $FLOWRUN_BENCH_FOLDER, or the system's folder for temporary
// files; each case compares what is in the table at its end with what was sent.
#include <benchmark/benchmark.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/operator_case.hpp"
#include "flow/builder.hpp"
#include "flow/testing/harness.hpp"
#include "operators/common/split_mix.hpp"
#include "operators/sinks/sqlite.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;
using flow::testing::Settings;
using Names = std::vector<std::string>;

constexpr int64_t kBatches = 200;
constexpr int64_t kRows = kBatches * kBatchRows;

std::filesystem::path folder() {
  const char* given = std::getenv("FLOWRUN_BENCH_FOLDER");
  const std::filesystem::path parent =
      given != nullptr ? std::filesystem::path(given) : std::filesystem::temp_directory_path();
  return parent / "flowrun-sqlite-bench";
}

// The rows, and what each key has in the end.
struct Sent {
  std::vector<Batch> batches;
  std::unordered_map<int64_t, int64_t> newest;  // key -> number of its last row
};

// Products looked at by users: each of `keys` users is as likely as the others.
Sent sent(Harness& harness, int64_t keys) {
  const Host host = harness.host().host();
  Output maker(harness.host().abi());
  Sent result;
  static const char* const kWords[] = {"red",   "blue",  "running", "shoes", "coat", "winter",
                                       "small", "large", "wool",    "hat",   "blue", "green"};
  int64_t number = 0;
  for (int64_t i = 0; i < kBatches; ++i) {
    TextBuilder users(host, kBatchRows), queries(host, kBatchRows);
    Int64Builder numbers(host, kBatchRows);
    Float64Builder spent(host, kBatchRows);
    TimestampBuilder times(host, kBatchRows);
    TextBuilder kinds(host, kBatchRows);
    for (int64_t row = 0; row < kBatchRows; ++row, ++number) {
      const uint64_t random = split_mix(7, static_cast<uint64_t>(number));
      const auto user = static_cast<int64_t>(random % static_cast<uint64_t>(keys));
      result.newest[user] = number;
      users.append("user-" + std::to_string(user * 7919 % 100'000'000));
      queries.append(std::string(kWords[random >> 40 & 7]) + " " + kWords[(random >> 44 & 7) + 4] +
                     " " + kWords[random >> 48 & 7] + " " + std::to_string(random >> 56));
      numbers.append(number);
      spent.append(static_cast<double>(random >> 50) / 100);
      times.append(1'761'646'530'000'000'000 + number * 1'000'000);
      kinds.append((random & 1) != 0 ? "search" : "view");
    }
    result.batches.push_back(maker.make(kBatchRows,
                                        {{"user", {users.finish(), Type::text()}},
                                         {"query", {queries.finish(), Type::text()}},
                                         {"number", {numbers.finish(), Type::int64()}},
                                         {"spent", {spent.finish(), Type::float64()}},
                                         {"at", {times.finish(), Type::timestamp()}},
                                         {"kind", {kinds.finish(), Type::text()}}},
                                        nullptr));
  }
  return result;
}

int64_t number_of(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  sqlite3_stmt* statement = nullptr;
  require(sqlite3_open(path.c_str(), &database) == SQLITE_OK &&
              sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW,
          "sqlite: the table cannot be read");
  const int64_t number = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(database);
  return number;
}

// One iteration is a whole run into a new database, to its close.
void sqlite(benchmark::State& state, const std::string& mode, int64_t keys, Settings settings) {
  const bool upserts = mode == "upsert";
  const std::string path = (folder() / "bench.db").string();
  settings.insert(settings.end(),
                  {{"database", path}, {"table", "t"}, {"mode", mode}, {"key", Names{"user"}}});
  for (auto _ : state) {
    state.PauseTiming();
    std::filesystem::remove_all(folder());
    {
      auto harness = Harness::of<SqliteSink>(settings);
      const Sent rows = sent(harness, keys);
      state.ResumeTiming();
      for (const Batch& batch : rows.batches) harness.push(batch);
      harness.close();
      state.PauseTiming();
      int64_t sum = 0;
      for (const auto& [user, number] : rows.newest) sum += number;
      const auto users = static_cast<int64_t>(rows.newest.size());
      require(number_of(path, "SELECT count(*) FROM t") == (upserts ? users : kRows),
              "sqlite: other rows than were sent");
      require(
          number_of(path, "SELECT sum(number) FROM t") == (upserts ? sum : kRows * (kRows - 1) / 2),
          "sqlite: other values than were sent");
      require(number_of(path, "SELECT count(DISTINCT user) FROM t") == users,
              "sqlite: other keys than were sent");
    }
    state.ResumeTiming();
  }
  std::filesystem::remove_all(folder());
  const auto rows = static_cast<double>(state.iterations() * kRows);
  state.counters["per_row"] =
      benchmark::Counter(rows, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["rows_per_second"] = benchmark::Counter(rows, benchmark::Counter::kIsRate);
}
#define SQLITE_BENCHMARK(name, ...) \
  BENCHMARK_CAPTURE(sqlite, name, __VA_ARGS__)->Iterations(1)->Unit(benchmark::kMillisecond)
SQLITE_BENCHMARK(upsert_100k_keys, "upsert", 100'000, Settings());
SQLITE_BENCHMARK(upsert_1m_keys, "upsert", 1'000'000, Settings());
SQLITE_BENCHMARK(upsert_100k_keys_a_batch_at_a_time, "upsert", 100'000,
                 Settings({{"commit_every", "0s"}}));
SQLITE_BENCHMARK(upsert_100k_keys_full_text, "upsert", 100'000,
                 Settings({{"full_text", Names{"query"}}}));
SQLITE_BENCHMARK(insert, "insert", 100'000, Settings());
SQLITE_BENCHMARK(insert_full_text, "insert", 100'000, Settings({{"full_text", Names{"query"}}}));

}  // namespace
}  // namespace flow::operators
