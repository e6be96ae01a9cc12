// Rows of the test flow as batches, for the operators that make and read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "flow/flow.hpp"
#include "tests/core/graph/test_flow.hpp"

namespace flowrun::graph_test {

inline constexpr const char* kColumns[] = {"id", "path", "source", "part", "seq", "copy", "key"};

inline flow::Batch make_batch(flow::Output& out, const std::vector<Row>& rows,
                              const flow_origin* origin) {
  const auto n = static_cast<std::int64_t>(rows.size());
  std::vector<flow::NewColumn> columns;
  constexpr std::int64_t Row::*kMembers[] = {&Row::id,  &Row::path, &Row::source, &Row::part,
                                             &Row::seq, &Row::copy, &Row::key};
  for (std::size_t i = 0; i < std::size(kColumns); ++i) {
    flow::Int64Builder values(out, n);
    for (const Row& row : rows) values.append(row.*kMembers[i]);
    columns.push_back({kColumns[i], {values.finish(), flow::Type::int64()}});
  }
  return out.make(n, columns, origin);
}

inline std::vector<Row> rows_of(const flow::Batch& batch) {
  constexpr std::int64_t Row::*kMembers[] = {&Row::id,  &Row::path, &Row::source, &Row::part,
                                             &Row::seq, &Row::copy, &Row::key};
  std::vector<Row> rows(static_cast<std::size_t>(batch.rows()));
  for (std::size_t i = 0; i < std::size(kColumns); ++i) {
    const flow_column* column = batch.find(kColumns[i]);
    if (column == nullptr) throw flow::Failure(std::string("no column ") + kColumns[i]);
    const flow::Int64View values(*column);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      rows[row].*kMembers[i] = values[static_cast<std::int64_t>(row)];
    }
  }
  return rows;
}

inline flow::Batch with_path(flow::Output& out, const flow::Batch& batch, std::int64_t tag) {
  const flow::Int64View paths(*batch.find("path"));
  flow::Int64Builder values(out, batch.rows());
  for (std::int64_t row = 0; row < batch.rows(); ++row) values.append(mixed_path(paths[row], tag));
  return out.with(batch, {{"path", {values.finish(), flow::Type::int64()}}});
}

inline void nap(std::int64_t microseconds) {
  if (microseconds > 0) std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
}
// Now and then, as a function of `what`.
inline void nap_at_random(std::int64_t at_most, std::uint64_t what) {
  if (at_most > 0 && mix(what, 77) % 4 == 0) {
    nap(static_cast<std::int64_t>(mix(what, 78) % static_cast<std::uint64_t>(at_most)));
  }
}

template <class Options>
void describe_as(flow::Description<Options>& d, const char* name, std::uint64_t traits) {
  d.name(name);
  d.summary("For tests.");
  d.doc("For tests.");
  d.example(std::string("type = \"") + name + "\"\n");
  d.traits(traits);
}

}  // namespace flowrun::graph_test
