#include "operators/windows/pane_sums.hpp"

#include <algorithm>

namespace flow::operators {
namespace {

int64_t floor_divide(int64_t value, int64_t unit) {
  return value / unit - (value % unit < 0 ? 1 : 0);
}

}  // namespace

void PaneSums::grow(Cells& cells, size_t bytes) const {
  for (size_t at = cells.size(); at < bytes; at += cells_.cell_bytes()) {
    cells.resize(at + cells_.cell_bytes(), 0);
    set_.init(cells.data() + at);
  }
}

void PaneSums::add(Cells& into, const Cells& more) const {
  grow(into, more.size());
  set_.merge(into.data(), more.data(), cells_.cell_bytes(), more.size() / cells_.cell_bytes());
}

void PaneSums::add_pane(Cells& into, uint32_t group, int64_t number) const {
  const int64_t start = offset_ + number * pane_;
  const Pane* const pane = cells_.find(start, start + pane_);
  if (pane == nullptr || pane->keys[group] == 0) return;
  const std::vector<uint32_t>& segments = keys_.segments(group);
  const size_t segment_bytes = size_t{cells_.cell_bytes()} * WindowKeys::kSegment;
  for (uint32_t index = 0; index < segments.size(); ++index) {
    const char* const cells = PaneCells::peek(*pane, segments[index]);
    if (cells == nullptr) continue;
    const size_t slots = keys_.highest_slot(group) - size_t{index} * WindowKeys::kSegment;
    const size_t used = std::min<size_t>(WindowKeys::kSegment, slots);
    grow(into, index * segment_bytes + used * cells_.cell_bytes());
    set_.merge(into.data() + index * segment_bytes, cells, cells_.cell_bytes(), used);
  }
}

void PaneSums::add_up(uint32_t group, int64_t start, std::vector<char>& into) {
  const int64_t first = floor_divide(start - offset_, pane_);
  const int64_t block = floor_divide(first, panes_) * panes_;
  Group& known = groups_[group];
  if (known.epoch != epoch_ || known.block != block) {
    known.epoch = epoch_;
    known.block = block;
    known.ends.resize(static_cast<size_t>(panes_));
    for (int64_t i = panes_ - 1; i >= first - block; --i) {
      Cells& end = known.ends[static_cast<size_t>(i)];
      end.clear();
      if (i + 1 < panes_) add(end, known.ends[static_cast<size_t>(i) + 1]);
      add_pane(end, group, block + i);
    }
    known.beginning.clear();
    known.next = block + panes_;
  }
  for (; known.next < first + panes_; ++known.next) {
    add_pane(known.beginning, group, known.next);
  }
  into = known.ends[static_cast<size_t>(first - block)];
  add(into, known.beginning);
  grow(into, size_t{keys_.highest_slot(group)} * cells_.cell_bytes());
}

}  // namespace flow::operators
