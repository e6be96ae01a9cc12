#include "operators/windows/pane_cells.hpp"

#include <algorithm>
#include <tuple>

#include "flow/host/key_hash.hpp"

namespace flow::operators {

PaneCells::PaneCells(CellSet& set, WindowKeys& keys, uint32_t cell_bytes)
    : set_(set),
      keys_(keys),
      cell_bytes_(cell_bytes),
      block_bytes_(cell_bytes * WindowKeys::kSegment) {}

void PaneCells::load() {
  for (uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
    table_->for_each(group, [&](uint64_t hash, std::string_view bytes, const StoredBytes& block) {
      Key key;
      std::memcpy(&key, bytes.data(), sizeof key);
      Pane& known = pane(key.start, key.from);
      const uint32_t segment = keys_.segment(group, key.index);
      if (known.segments.size() <= segment) known.segments.resize(segment + 1);
      Pane::Segment& found = known.segments[segment];
      found.at = block.at;
      // Written to only as long as the page allows it.
      found.cells = const_cast<char*>(table_->load(hash, block).data());
      found.page = table_->page_of(hash, block);
      for (uint32_t i = 0; i < WindowKeys::kSegment; ++i) {
        known.keys[group] += CellSet::rows(found.cells + size_t{i} * cell_bytes_) != 0 ? 1 : 0;
      }
    });
  }
}

Pane& PaneCells::pane(int64_t start, int64_t from) {
  const auto place = std::lower_bound(panes_.begin(), panes_.end(), std::pair(start, from),
                                      [](const auto& known, const auto& wanted) {
                                        return std::pair(known->start, known->from) < wanted;
                                      });
  if (place != panes_.end() && (*place)->start == start && (*place)->from == from) return **place;
  auto made = std::make_unique<Pane>();
  made->start = start;
  made->from = from;
  return **panes_.insert(place, std::move(made));
}

const Pane* PaneCells::find(int64_t start, int64_t from) const {
  const auto place = std::lower_bound(panes_.begin(), panes_.end(), std::pair(start, from),
                                      [](const auto& known, const auto& wanted) {
                                        return std::pair(known->start, known->from) < wanted;
                                      });
  const bool found = place != panes_.end() && (*place)->start == start && (*place)->from == from;
  return found ? place->get() : nullptr;
}

PaneCells::Key PaneCells::key_of(const Pane& pane, uint32_t segment) const {
  return {pane.start, pane.from, keys_.index_of_segment(segment), keys_.group_of_segment(segment)};
}

uint64_t PaneCells::hash_of(const Key& key) {
  constexpr uint64_t kBelowGroup = (uint64_t{1} << 57) - 1;
  return hash_in_group(key.group) | (host::hash_bytes(bytes_of(key)) & kBelowGroup);
}

char* PaneCells::ready(Pane& pane, uint32_t segment) {
  if (pane.segments.size() <= segment) pane.segments.resize(keys_.segment_count());
  Pane::Segment& known = pane.segments[segment];
  if (known.cells == nullptr) return make(pane, segment);
  known.cells = table_->edit(hash_in_group(keys_.group_of_segment(segment)), stored(known));
  return known.cells;
}

char* PaneCells::make(Pane& pane, uint32_t segment) {
  const Key key = key_of(pane, segment);
  const uint64_t hash = hash_of(key);
  const std::optional<StoredBytes> block = table_->allocate(hash, block_bytes_);
  if (!block) return nullptr;
  StoredBytes* record = table_->insert(hash, bytes_of(key));
  if (record == nullptr) {
    table_->remove(hash, *block);
    return nullptr;
  }
  *record = *block;
  Pane::Segment& made = pane.segments[segment];
  made.at = block->at;
  made.cells = table_->edit(hash, *block);
  made.page = table_->page_of(hash, *block);
  for (uint32_t i = 0; i < WindowKeys::kSegment; ++i) {
    set_.init(made.cells + size_t{i} * cell_bytes_);
  }
  return made.cells;
}

void PaneCells::remove(const Pane& pane, CellMemory& memory) {
  for (uint32_t segment = 0; segment < pane.segments.size(); ++segment) {
    const Pane::Segment& known = pane.segments[segment];
    if (known.cells == nullptr) continue;
    const Key key = key_of(pane, segment);
    const uint64_t hash = hash_of(key);
    if (set_.has_blocks()) {
      char* const cells = table_->edit(hash, stored(known));
      for (uint32_t i = 0; i < WindowKeys::kSegment; ++i) {
        char* const cell = cells + size_t{i} * cell_bytes_;
        if (CellSet::rows(cell) != 0) set_.release(cell, hash, memory);
      }
    }
    table_->remove(hash, stored(known));
    table_->erase(hash, bytes_of(key));
  }
  std::erase_if(panes_, [&](const auto& known) { return known.get() == &pane; });
}

}  // namespace flow::operators
