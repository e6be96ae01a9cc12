// Operators that go by event time and by timers, for tests of what the engine makes of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flow/abi.h"

namespace flowrun::graph_test {

const flow_plugin& test_time_plugin();

// Row `number` of a partition of a `clocked` source: whatever the cuts, the same.
struct TimedRow {
  std::int64_t time = 0;  // seconds
  std::int64_t key = 0;
  std::int64_t id = 0;
};
TimedRow timed_row(std::int64_t seed, std::int64_t partition, std::int64_t number,
                   std::int64_t keys);

// What a `tumble` says of a window.
std::string window_line(std::int64_t key, std::int64_t end, std::int64_t rows, std::int64_t sum);

}  // namespace flowrun::graph_test
