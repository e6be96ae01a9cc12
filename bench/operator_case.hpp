// What the benchmarks of single operators share: the size of a batch, the check of an answer before
// it is measured, and the counters that the README's figures are read from.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <stdexcept>

namespace flow::operators {

inline constexpr int64_t kBatchRows = 4096;  // a batch

// Throws std::logic_error: a wrong answer is not worth measuring.
inline void require(bool correct, const char* what) {
  if (!correct) throw std::logic_error(what);
}

// `per_row`: CPU seconds a row, of `rows` in each iteration; bytes a second where `bytes` are
// given.
inline void report(benchmark::State& state, int64_t rows = kBatchRows, int64_t bytes = 0) {
  const auto iterations = static_cast<int64_t>(state.iterations());
  state.counters["per_row"] =
      benchmark::Counter(static_cast<double>(iterations * rows),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  if (bytes > 0) state.SetBytesProcessed(iterations * bytes);
}

}  // namespace flow::operators
