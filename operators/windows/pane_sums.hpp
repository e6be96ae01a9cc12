// What panes add up to, so that a window need not add up all of its own.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "operators/windows/pane_cells.hpp"

namespace flow::operators {

// A window of `panes` panes reaches over at most two blocks of as many, which begin at fixed times:
// it is the end of the first and the beginning of the second. Both are kept for each key group:
// sums of every end, made when the first is reached, and of a beginning that grows. So a window
// costs a few additions a key, in an order that depends on nothing but time.
//
// In memory only, and as large as the panes themselves; made again from them after a restart. Holds
// for panes to which no row comes any more.
class PaneSums {
 public:
  PaneSums(const CellSet& set, WindowKeys& keys, const PaneCells& cells, int64_t pane,
           int64_t panes, int64_t offset)
      : set_(set), keys_(keys), cells_(cells), pane_(pane), panes_(panes), offset_(offset) {}

  // Rows came to a pane that was over: everything is made again.
  void forget() { ++epoch_; }
  // The cells, by slot, of the window that begins at `start`, in `into`; only of the panes whose
  // rows count for all windows that they are in.
  void add_up(uint32_t group, int64_t start, std::vector<char>& into);

 private:
  using Cells = std::vector<char>;
  struct Group {
    uint64_t epoch = 0;
    int64_t block = 0;        // number of the pane that the ends belong to
    std::vector<Cells> ends;  // from each pane of the block to its end
    int64_t next = 0;         // the pane behind the beginning
    Cells beginning;          // of the block behind
  };
  void add(Cells& into, const Cells& more) const;
  void add_pane(Cells& into, uint32_t group, int64_t number) const;
  void grow(Cells& cells, size_t bytes) const;

  const CellSet& set_;
  WindowKeys& keys_;
  const PaneCells& cells_;
  const int64_t pane_, panes_, offset_;
  uint64_t epoch_ = 1;
  std::array<Group, FLOW_KEY_GROUPS> groups_;
};

}  // namespace flow::operators
