// What `tumbling` and `sliding` are: windows made of panes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "operators/windows/pane_cells.hpp"
#include "operators/windows/pane_sums.hpp"
#include "operators/windows/window_memo.hpp"
#include "operators/windows/window_rows.hpp"
#include "operators/windows/window_settings.hpp"

namespace flow::operators {

// Windows of `size` begin at each multiple of `slide`, moved by `offset`; nanoseconds. A row goes
// into one pane, as long as the greatest common divisor of both; a window that fires adds up its
// panes. Everything is in keyed tables.
class PanedWindow : public Window {
 public:
  PanedWindow(WindowSettings settings, int64_t size, int64_t slide, int64_t offset);
  void open(Output& out) override;
  Status consume(uint32_t input, const Batch& in, Output& out) override;
  Status advance(int64_t watermark, Output& out) override;
  Status timer(flow_time kind, int64_t nanoseconds, std::span<const flow_key* const> keys,
               Output& out) override;

 private:
  // Where rows of one time belong.
  struct Place {
    Pane* pane;
    int64_t start;  // of the pane
    int64_t first;  // end of the first window that the pane is in
    int64_t last;   // of the last one
  };
  // How far firing has come when there was no room.
  struct Cursor {
    int64_t end = 0;
    uint32_t group = 0;
    bool under_way = false;
  };

  void load();
  Place place_of(int64_t time) const;
  void sort_rows(const Batch& in, Output& out);
  void put(Pane& pane, int32_t row);
  void add_rows(Pane& pane, const Batch& in, Output& out);
  bool begin_key(Pane& pane, uint32_t number, int32_t row, const Batch& in, Output& out);
  void fail_key(uint32_t trouble, int32_t row, const Batch& in, Output& out) const;
  void forget_refused();
  void set_timer(uint32_t group, int64_t end, Output& out) const;

  std::optional<int64_t> next_end(int64_t after) const;
  Status fire(int64_t until, Output& out);
  void add_up(uint32_t group, int64_t end, bool final);
  void add_pane(const Pane& pane, uint32_t group);
  void collect(uint32_t group, int64_t end, bool final);
  bool has_rows(const WindowKeys::Member& member, uint32_t group) const;
  void finish(int64_t end);
  Status update(int64_t watermark, Output& out);
  void mark_told();

  const WindowSettings settings_;
  const int64_t size_, slide_, offset_, pane_;
  const uint32_t keys_per_group_;
  WindowKeys keys_;
  CellSet set_;
  const uint32_t told_at_;  // with updates, behind the set's: rows when the last update was made
  const uint32_t cell_bytes_;
  PaneCells cells_;
  TableMemory<WindowKeys::Record>& memory() { return *memory_; }
  std::optional<TableMemory<WindowKeys::Record>> memory_;
  std::optional<PaneSums> pane_sums_;  // where windows have many panes
  WindowMemo memo_;
  WindowRows rows_;
  RowTimes times_;
  Metric missed_;
  bool loaded_ = false;
  int64_t fired_ = INT64_MIN;
  int64_t next_update_ = INT64_MIN;
  Cursor cursor_;
  Cursor update_cursor_;

  // Of the batch under way.
  std::vector<Pane*> touched_;
  std::vector<int32_t> late_;
  std::vector<uint32_t> numbers_;
  std::vector<char*> row_cells_;
  std::vector<int32_t> kept_;
  std::vector<uint32_t> refused_;  // numbers of keys that a row failed of
  int64_t absorbed_ = 0;
  int64_t missed_windows_ = 0;
  // Of the group under way: the panes' cells by segment, and what they add up to.
  std::vector<const Pane*> panes_in_window_;
  std::vector<const char*> merged_;  // by index of the segment; NULL: nothing
  std::vector<char> sums_;
  std::vector<const char*> key_cells_;
};

}  // namespace flow::operators
