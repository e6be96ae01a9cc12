// Rows of windows that have fired, on their way out.
#pragma once

#include <vector>

#include "operators/common/aggregate_state.hpp"
#include "operators/windows/window_keys.hpp"

namespace flow::operators {

// Collects keys, windows and aggregates, and makes batches of them. Rows wait here only within a
// call and those that follow on Status::kMore.
class WindowRows {
 public:
  // Of a window that has no such time.
  static constexpr int64_t kNoTime = INT64_MIN;

  WindowRows(WindowKeys& keys, CellSet& cells, bool updates)
      : keys_(keys), cells_(cells), updates_(updates) {}

  void append(const WindowKeys::Member& member, const KeyCells& cells, int64_t start, int64_t end,
              bool final, CellMemory& memory) {
    keys_.append(member);
    cells_.append(cells, memory);
    starts_.push_back(start);
    ends_.push_back(end);
    finals_.push_back(final ? 1 : 0);
  }
  bool is_full() const { return starts_.size() >= kBatch; }
  bool empty() const { return starts_.empty(); }
  // False: there is no room now.
  bool send(Output& out) {
    if (empty()) return true;
    if (out.room() < 1) return false;
    std::vector<NewColumn> columns;
    keys_.take(out, columns);
    const auto rows = static_cast<int64_t>(starts_.size());
    columns.push_back({"window_start", times(out, starts_)});
    columns.push_back({"window_end", times(out, ends_)});
    if (updates_) {
      BoolBuilder final(out, rows);
      for (const uint8_t value : finals_) final.append(value != 0);
      columns.push_back({"final", {final.finish(), Type::boolean()}});
    }
    cells_.take(out, columns);
    out.create(out.make(rows, columns, nullptr));
    starts_.clear();
    ends_.clear();
    finals_.clear();
    return true;
  }

 private:
  static constexpr size_t kBatch = 8192;
  static TypedColumn times(Host host, const std::vector<int64_t>& values) {
    TimestampBuilder builder(host, static_cast<int64_t>(values.size()));
    for (const int64_t value : values) {
      if (value == kNoTime) {
        builder.append_null();
      } else {
        builder.append(value);
      }
    }
    return {builder.finish(), Type::timestamp()};
  }

  WindowKeys& keys_;
  CellSet& cells_;
  bool updates_;
  std::vector<int64_t> starts_, ends_;
  std::vector<uint8_t> finals_;
};

}  // namespace flow::operators
