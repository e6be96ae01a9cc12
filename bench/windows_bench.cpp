// CPU time a row of the windows, one core, in batches of 4,096 rows that lie in memory, with 10,000
// random keys; the hashing of keys is part of it, as the engine does it. Beside each stands the
// loop that somebody would write by hand over boost::unordered_flat_map (windows_by_hand.hpp), and
// before they are measured both must make the same results of rows in disorder.

#include <benchmark/benchmark.h>

#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "bench/windows_by_hand.hpp"
#include "flow/testing/harness.hpp"
#include "operators/windows/sliding.hpp"
#include "operators/windows/tumbling.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;
using Names = std::vector<std::string>;

constexpr int64_t kRows = 4096;
constexpr int64_t kKeys = 10'000;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kBegin = 1'700'000'040 * kSecond;

void require(bool correct, const char* what) {
  if (!correct) throw std::logic_error(what);
}

struct Text12 {
  std::array<char, 12> bytes{};
  bool operator==(const Text12&) const = default;
};
uint64_t mixed(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}
// What a fast hand-written hash would be.
struct Hash {
  using is_avalanching = void;
  size_t operator()(int64_t key) const {
    return mixed(static_cast<uint64_t>(key) ^ 0x9e3779b97f4a7c15U, 0xd6e8feb86659fd93U);
  }
  size_t operator()(const Text12& key) const {
    uint64_t first;
    uint32_t second;
    std::memcpy(&first, key.bytes.data(), sizeof first);
    std::memcpy(&second, key.bytes.data() + sizeof first, sizeof second);
    return mixed(first ^ 0x9e3779b97f4a7c15U, second ^ 0xd6e8feb86659fd93U);
  }
};

// Rows of one batch, as plain arrays.
struct Rows {
  std::vector<int64_t> integers;
  std::vector<Text12> texts;
  std::vector<double> values;
  std::vector<int64_t> times;
};
Text12 text_of(int64_t key) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "device-%05d", static_cast<int>(key));
  Text12 text;
  std::memcpy(text.bytes.data(), buffer, text.bytes.size());
  return text;
}

// `batches` of them, event times rising evenly over `duration` from `begin` on.
std::vector<Rows> make_rows(int64_t batches, int64_t begin, int64_t duration) {
  std::mt19937_64 random(7);
  std::vector<Rows> all(static_cast<size_t>(batches));
  int64_t at = 0;
  for (Rows& rows : all) {
    for (int64_t i = 0; i < kRows; ++i, ++at) {
      const auto key = static_cast<int64_t>(random() % kKeys);
      rows.integers.push_back(key);
      rows.texts.push_back(text_of(key));
      rows.values.push_back(std::exp(static_cast<double>(random() % 10'000) / 2000.0));
      rows.times.push_back(
          begin + static_cast<int64_t>(static_cast<double>(duration) * static_cast<double>(at) /
                                       static_cast<double>(batches * kRows)));
    }
  }
  return all;
}

Batch batch_of(Harness& harness, const Rows& rows, bool text) {
  const Host host = harness.host().host();
  Float64Builder value(host, kRows);
  for (const double number : rows.values) value.append(number);
  TypedColumn key{Column(), Type::int64()};
  if (text) {
    TextBuilder builder(host, kRows);
    for (const Text12& item : rows.texts) builder.append({item.bytes.data(), item.bytes.size()});
    key = {builder.finish(), Type::text()};
  } else {
    Int64Builder builder(host, kRows);
    for (const int64_t item : rows.integers) builder.append(item);
    key.column = builder.finish();
  }
  flow_origin origin{};
  origin.size = sizeof origin;
  Output maker(harness.host().abi());
  const Batch batch =
      maker.make(kRows, {{"key", key}, {"value", {value.finish(), Type::float64()}}}, &origin);
  // Rows are in time for everything: watermarks come behind the batches.
  return harness.timed(batch, rows.times, std::vector<int64_t>(kRows, rows.times.front() - 1));
}

struct Case {
  bool text;
  int64_t size, slide;  // seconds
  int64_t rows_a_slide;
  const char* aggregate;  // NULL: count, sum and mean
};

Settings settings_of(const Case& c) {
  Settings settings{{"key", Names{"key"}}, {"size", std::to_string(c.size) + "s"}};
  if (c.slide != c.size) settings.emplace_back("slide", std::to_string(c.slide) + "s");
  settings.emplace_back("aggregate", c.aggregate != nullptr
                                         ? Setting::table({{"p95", Setting(c.aggregate)}})
                                         : Setting::table({{"hits", Setting("count()")},
                                                           {"total", Setting("sum(value)")},
                                                           {"mean", Setting("mean(value)")}}));
  return settings;
}

// Whole slides of rows, so that they can be repeated with later times: the batches of two windows.
constexpr int64_t kTurn = 50;  // batches made in advance: 204,800 rows

template <class Window>
void engine(benchmark::State& state, const Case& c) {
  auto harness = Harness::of<Window>(settings_of(c));
  const int64_t duration = kTurn * kRows * c.slide * kSecond / c.rows_a_slide;
  std::vector<Rows> rows = make_rows(kTurn, kBegin, duration);
  std::vector<Batch> batches;
  batches.reserve(rows.size());
  for (const Rows& piece : rows) batches.push_back(batch_of(harness, piece, c.text));
  int64_t turn = 0;
  int64_t out_rows = 0;
  int64_t counted = 0;
  std::vector<std::vector<Batch>> turns;
  const auto run = [&] {
    for (size_t i = 0; i < batches.size(); ++i) {
      harness.push(batches[i]);
      harness.advance(rows[i].times.back() + turn * duration);
      for (const Batch& batch : harness.pull_batches()) {
        out_rows += batch.rows();
        if (c.aggregate != nullptr || c.slide != c.size) continue;
        const Int64View hits(*batch.find("hits"));
        for (int64_t row = 0; row < batch.rows(); ++row) counted += hits[row];
      }
    }
  };
  // The same rows a turn later: only their times and watermarks are new.
  const auto next_turn = [&] {
    ++turn;
    for (size_t i = 0; i < batches.size(); ++i) {
      std::vector<int64_t> times = rows[i].times;
      for (int64_t& time : times) time += turn * duration;
      batches[i] = harness.timed(batches[i], times, std::vector<int64_t>(kRows, times.front() - 1));
    }
  };
  const int64_t warm = c.size * kSecond / duration + 1;
  for (int64_t i = 0; i < warm; ++i) {
    run();
    next_turn();
  }
  if (c.aggregate == nullptr && c.slide == c.size) {
    require(counted == c.rows_a_slide, "tumbling: the first window has other rows");
  }
  for (auto _ : state) {
    run();
    state.PauseTiming();
    next_turn();
    state.ResumeTiming();
  }
  const auto all = static_cast<double>(state.iterations() * kTurn * kRows);
  state.counters["rows/s"] = benchmark::Counter(all, benchmark::Counter::kIsRate);
  state.counters["results"] = static_cast<double>(out_rows);
}

// Watermarks come behind the batches; all rows of a batch are in time.
int64_t watermark_of(const std::vector<int64_t>& times) { return times.front() - 1; }

template <class Hand, class KeyOf>
void by_hand_loop(benchmark::State& state, const Case& c, KeyOf keys_of) {
  const int64_t duration = kTurn * kRows * c.slide * kSecond / c.rows_a_slide;
  std::vector<Rows> rows = make_rows(kTurn, kBegin, duration);
  std::vector<std::vector<int64_t>> watermarks;
  const auto stamp = [&] {
    watermarks.clear();
    for (const Rows& piece : rows) watermarks.emplace_back(kRows, watermark_of(piece.times));
  };
  stamp();
  Hand hand(c.size * kSecond, c.slide * kSecond);
  const std::vector<uint8_t> present;
  const auto run = [&] {
    for (size_t i = 0; i < rows.size(); ++i) {
      hand.consume({keys_of(rows[i]), rows[i].values, present, rows[i].times, watermarks[i]});
      hand.advance(rows[i].times.back());
      benchmark::DoNotOptimize(hand.results.data());
      hand.results.clear();
    }
  };
  const auto next_turn = [&] {
    for (Rows& piece : rows) {
      for (int64_t& time : piece.times) time += duration;
    }
    stamp();
  };
  for (int64_t i = 0; i < c.size * kSecond / duration + 1; ++i) {
    run();
    next_turn();
  }
  for (auto _ : state) {
    run();
    state.PauseTiming();
    next_turn();
    state.ResumeTiming();
  }
  require(hand.late.empty(), "by hand: rows were late");
  const auto all = static_cast<double>(state.iterations() * kTurn * kRows);
  state.counters["rows/s"] = benchmark::Counter(all, benchmark::Counter::kIsRate);
}

// Once, not for each repetition: the engine and the loop make the same rows, of times in disorder,
// some late, some late in part.
template <class Window, class Hand>
void compare(const Case& c) {
  constexpr int64_t kBatches = 40;
  auto harness = Harness::of<Window>(settings_of(c));
  std::vector<Rows> rows = make_rows(kBatches, kBegin, 3 * c.size * kSecond);
  Hand hand(c.size * kSecond, c.slide * kSecond);
  const std::vector<uint8_t> present;
  std::mt19937_64 random(11);
  std::map<std::pair<int64_t, int64_t>, std::tuple<int64_t, double, double>> results;
  const auto take = [&] {
    for (const Batch& batch : harness.pull_batches()) {
      const Int64View keys(*batch.find("key"));
      const Int64View ends(*batch.find("window_end"));
      const Int64View hits(*batch.find("hits"));
      const Float64View totals(*batch.find("total"));
      const Float64View means(*batch.find("mean"));
      for (int64_t row = 0; row < batch.rows(); ++row) {
        const std::tuple values(hits[row], totals[row], means[row]);
        require(results.try_emplace({ends[row], keys[row]}, values).second, "a result came twice");
      }
    }
  };
  const auto near = [](double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(a); };
  for (Rows& piece : rows) {
    const int64_t watermark = watermark_of(piece.times);
    const int64_t back = piece.times.back();
    for (int64_t& time : piece.times) {
      if (random() % 8 == 0) time -= static_cast<int64_t>(random() % 2'000) * c.size * 1'000'000;
    }
    const std::vector<int64_t> watermarks(kRows, watermark);
    harness.push(harness.timed(batch_of(harness, piece, false), piece.times, watermarks));
    hand.consume({piece.integers, piece.values, present, piece.times, watermarks});
    harness.advance(back);
    hand.advance(back);
    take();
  }
  harness.advance(INT64_MAX - 1);
  hand.advance(INT64_MAX - 1);
  take();
  const int64_t late = harness.host().late_rows;
  require(late > 0 && late == static_cast<int64_t>(hand.late.size()), "other rows are late");
  require(results.size() == hand.results.size(), "other numbers of results");
  for (const auto& result : hand.results) {
    const auto found = results.find({result.end, result.key});
    require(found != results.end(), "a result is missing");
    const auto& [count, sum, mean] = found->second;
    require(count == result.count && near(sum, result.sum) && near(mean, result.mean),
            "a result is another one");
  }
}

constexpr auto kIntegers = [](const Rows& rows) -> const std::vector<int64_t>& {
  return rows.integers;
};
constexpr auto kTexts = [](const Rows& rows) -> const std::vector<Text12>& { return rows.texts; };

// A million rows a window.
constexpr Case kTumblingInt{false, 60, 60, 1'024'000, nullptr};
constexpr Case kTumblingText{true, 60, 60, 1'024'000, nullptr};
// Ten rows a key and slide, sixty slides a window.
constexpr Case kSlidingInt{false, 600, 10, 102'400, nullptr};
constexpr Case kSlidingText{true, 600, 10, 102'400, nullptr};
constexpr Case kQuantile{false, 60, 60, 1'024'000, "quantile(value, 0.95)"};

void tumbling_int(benchmark::State& state) { engine<Tumbling>(state, kTumblingInt); }
void tumbling_text(benchmark::State& state) { engine<Tumbling>(state, kTumblingText); }
void sliding_int(benchmark::State& state) { engine<Sliding>(state, kSlidingInt); }
void sliding_text(benchmark::State& state) { engine<Sliding>(state, kSlidingText); }
void quantile(benchmark::State& state) { engine<Tumbling>(state, kQuantile); }
void by_hand_tumbling_int(benchmark::State& state) {
  [[maybe_unused]] static const bool kSame =
      (compare<Tumbling, by_hand::Tumbling<int64_t, Hash>>(kTumblingInt), true);
  by_hand_loop<by_hand::Tumbling<int64_t, Hash>>(state, kTumblingInt, kIntegers);
}
void by_hand_tumbling_text(benchmark::State& state) {
  by_hand_loop<by_hand::Tumbling<Text12, Hash>>(state, kTumblingText, kTexts);
}
void by_hand_sliding_int(benchmark::State& state) {
  [[maybe_unused]] static const bool kSame =
      (compare<Sliding, by_hand::Sliding<int64_t, Hash>>(kSlidingInt), true);
  by_hand_loop<by_hand::Sliding<int64_t, Hash>>(state, kSlidingInt, kIntegers);
}
void by_hand_sliding_text(benchmark::State& state) {
  by_hand_loop<by_hand::Sliding<Text12, Hash>>(state, kSlidingText, kTexts);
}
BENCHMARK(tumbling_int);
BENCHMARK(by_hand_tumbling_int);
BENCHMARK(tumbling_text);
BENCHMARK(by_hand_tumbling_text);
BENCHMARK(sliding_int);
BENCHMARK(by_hand_sliding_int);
BENCHMARK(sliding_text);
BENCHMARK(by_hand_sliding_text);
BENCHMARK(quantile);

}  // namespace
}  // namespace flow::operators
