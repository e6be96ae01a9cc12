// What the tests of windows share.
#pragma once

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators {

using Cells = std::vector<flow::testing::Cell>;
using Names = std::vector<std::string>;

constexpr int64_t kSecond = 1'000'000'000;

// A window by the field k. Settings replace the `usual` ones of the same name.
template <class Window>
flow::testing::Harness windows(const std::vector<std::pair<std::string, std::string>>& aggregates,
                               flow::testing::Settings settings,
                               const flow::testing::Settings& usual) {
  using flow::testing::Setting;
  std::vector<std::pair<std::string, Setting>> calls;
  calls.reserve(aggregates.size());
  for (const auto& [name, call] : aggregates) calls.emplace_back(name, Setting(call));
  settings.emplace_back("key", Names{"k"});
  settings.emplace_back("aggregate", Setting::table(calls));
  for (const auto& setting : usual) {
    const bool given = std::any_of(settings.begin(), settings.end(),
                                   [&](const auto& known) { return known.first == setting.first; });
    if (!given) settings.push_back(setting);
  }
  return flow::testing::Harness::of<Window>(settings);
}

// Times and watermarks in seconds.
inline void push_timed(flow::testing::Harness& harness, const flow::testing::Table& table,
                       std::vector<int64_t> times, std::vector<int64_t> watermarks) {
  for (int64_t& time : times) time *= kSecond;
  for (int64_t& watermark : watermarks) watermark *= kSecond;
  harness.push(harness.timed(harness.batch(table), times, watermarks));
}
inline void push_timed(flow::testing::Harness& harness, const flow::testing::Table& table,
                       const std::vector<int64_t>& times, int64_t watermark) {
  push_timed(harness, table, times, std::vector<int64_t>(times.size(), watermark));
}

// The rows in the order of a column's texts or integers.
inline flow::testing::Table sorted(const flow::testing::Table& table, const std::string& column) {
  std::vector<size_t> order(static_cast<size_t>(table.rows()));
  std::iota(order.begin(), order.end(), 0);
  const Cells& by = table[column];
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (by[a].is_null() || by[b].is_null()) return by[a].is_null() && !by[b].is_null();
    return by[a].kind() == flow::testing::Cell::Kind::kText ? by[a].text() < by[b].text()
                                                            : by[a].number() < by[b].number();
  });
  flow::testing::Table result = table;
  for (auto& target : result.columns) {
    const Cells cells = target.cells;
    for (size_t i = 0; i < order.size(); ++i) target.cells[i] = cells[order[i]];
  }
  return result;
}

}  // namespace flow::operators
