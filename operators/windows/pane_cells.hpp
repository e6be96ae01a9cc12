// Cells of aggregates by pane and key.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "operators/common/aggregate_state.hpp"
#include "operators/windows/window_keys.hpp"

namespace flow::operators {

// A piece of time that all windows contain whole or not at all, [start, start + the pane's length).
// `from`: its rows count for windows that end there or later: a row that was late for some of its
// windows has a pane of its own with those that are so too.
struct Pane {
  static constexpr flow_page kNoPage{sizeof(flow_page), 1, nullptr};
  struct Segment {
    char* cells = nullptr;             // kSegment of them; NULL: no row yet
    const flow_page* page = &kNoPage;  // where they lie; frozen: not to be written to
    uint32_t at = 0;                   // their StoredBytes
  };
  int64_t start;
  int64_t from;
  std::vector<Segment> segments;                 // by the segments of the keys
  std::array<uint32_t, FLOW_KEY_GROUPS> keys{};  // with rows
  std::vector<int32_t> rows;                     // of the batch under way
};

// Arrays of cells in the pages of keyed state: one for each pane and segment of keys. What is in
// memory beside them is found again from there.
class PaneCells {
 public:
  PaneCells(CellSet& set, WindowKeys& keys, uint32_t cell_bytes);
  void open(Output& out) { table_.emplace(out, "panes", 1); }
  // What the pages hold, once, before anything else.
  void load();

  // The pane, made if need be; it stays where it is until it is removed.
  Pane& pane(int64_t start, int64_t from);
  // NULL: there is none.
  const Pane* find(int64_t start, int64_t from) const;
  // Ascending by start, then by from.
  const std::vector<std::unique_ptr<Pane>>& panes() const { return panes_; }
  // The cells of a segment, to be written to; NULL past state_limit.
  char* cells(Pane& pane, uint32_t segment) {
    if (segment < pane.segments.size()) {
      const Pane::Segment& known = pane.segments[segment];
      if (known.page->frozen == 0) return known.cells;
    }
    return ready(pane, segment);
  }
  // The same to be read; NULL: none.
  static const char* peek(const Pane& pane, uint32_t segment) {
    return segment < pane.segments.size() ? pane.segments[segment].cells : nullptr;
  }
  uint32_t cell_bytes() const { return cell_bytes_; }
  // Lets go of a pane and all that is beside its cells.
  void remove(const Pane& pane, CellMemory& memory);

 private:
  struct Key {
    int64_t start;
    int64_t from;
    uint32_t index;
    uint32_t group;
  };
  char* ready(Pane& pane, uint32_t segment);
  char* make(Pane& pane, uint32_t segment);
  Key key_of(const Pane& pane, uint32_t segment) const;
  static uint64_t hash_of(const Key& key);
  static std::string_view bytes_of(const Key& key) {
    return {reinterpret_cast<const char*>(&key), sizeof key};
  }
  StoredBytes stored(const Pane::Segment& segment) const { return {segment.at, block_bytes_}; }

  CellSet& set_;
  WindowKeys& keys_;
  uint32_t cell_bytes_;
  uint32_t block_bytes_;
  std::optional<KeyedTable<StoredBytes>> table_;
  std::vector<std::unique_ptr<Pane>> panes_;
};

}  // namespace flow::operators
