// The loops that somebody would write by hand for what `tumbling` and `sliding` do with count, sum
// and mean: the yardstick of windows_bench.
//
// They do the same job over the same columns (keys, values, event times, each row's watermark):
// a row goes to the pane of its time, whatever the order of times; it is late by its own watermark,
// of a sliding window also for some windows only; windows fire in the order of their ends when the
// watermark gets there; nulls of the values are counted apart, on a way of their own that only
// batches with nulls take. What they leave out is in their favour: no limits, no checkpoints, keys
// that are never null and never go, results in the order of the table, as rows in an array.
#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <vector>

namespace flow::operators::by_hand {

template <class Key>
struct Columns {
  const std::vector<Key>& keys;
  const std::vector<double>& values;
  const std::vector<uint8_t>& present;  // empty: no value is null
  const std::vector<int64_t>& times;
  const std::vector<int64_t>& watermarks;
};

struct Cell {
  int64_t count = 0;
  int64_t nulls = 0;
  double sum = 0;
  void operator+=(const Cell& other) {
    count += other.count;
    nulls += other.nulls;
    sum += other.sum;
  }
  double mean() const { return sum / static_cast<double>(count - nulls); }
};

template <class Key>
struct Result {
  Key key;
  int64_t end;
  int64_t count;
  double sum;
  double mean;
};

inline int64_t floor_to(int64_t value, int64_t unit) {
  const int64_t rest = value % unit;
  return value - (rest < 0 ? rest + unit : rest);
}

template <bool kNulls, class Key>
void add(Cell& cell, const Columns<Key>& in, size_t row) {
  ++cell.count;
  if (kNulls && in.present[row] == 0) {
    ++cell.nulls;
  } else {
    cell.sum += in.values[row];
  }
}

// Cells in the table itself, a table for each open window.
template <class Key, class Hash>
class Tumbling {
 public:
  explicit Tumbling(int64_t size, int64_t /*slide*/) : size_(size) {}

  void consume(const Columns<Key>& in) {
    if (in.present.empty()) return rows<false>(in);
    rows<true>(in);
  }
  void advance(int64_t watermark) {
    while (!open_.empty() && open_.front().start + size_ <= watermark) {
      Window& window = open_.front();
      for (const auto& [key, cell] : window.cells) {
        results.push_back({key, window.start + size_, cell.count, cell.sum, cell.mean()});
      }
      window.cells.clear();
      spare_ = std::move(window.cells);
      open_.erase(open_.begin());
    }
  }

  std::vector<Result<Key>> results;
  std::vector<size_t> late;

 private:
  using Cells = boost::unordered_flat_map<Key, Cell, Hash>;
  struct Window {
    int64_t start;
    Cells cells;
  };

  template <bool kNulls>
  void rows(const Columns<Key>& in) {
    Cells* cells = nullptr;
    int64_t start = 0;
    int64_t end = INT64_MIN;  // every row looks for its window
    for (size_t row = 0; row < in.keys.size(); ++row) {
      const int64_t time = in.times[row];
      if (time < start || time >= end || in.watermarks[row] >= end) [[unlikely]] {
        start = floor_to(time, size_);
        end = start + size_;
        if (in.watermarks[row] >= end) {
          late.push_back(row);
          end = INT64_MIN;
          continue;
        }
        cells = &window(start);
      }
      add<kNulls>((*cells)[in.keys[row]], in, row);
    }
  }
  Cells& window(int64_t start) {
    auto at =
        std::lower_bound(open_.begin(), open_.end(), start,
                         [](const Window& known, int64_t time) { return known.start < time; });
    if (at == open_.end() || at->start != start) at = open_.insert(at, {start, std::move(spare_)});
    return at->cells;
  }

  int64_t size_;
  std::vector<Window> open_;  // ascending
  Cells spare_;               // empty, with its room
};

// A table of slots, an array of cells for each pane. `slide` divides `size`. A window is the end of
// one block of panes and the beginning of the next; the sums of both are kept.
template <class Key, class Hash>
class Sliding {
 public:
  Sliding(int64_t size, int64_t slide) : size_(size), slide_(slide), panes_(size / slide) {}

  void consume(const Columns<Key>& in) {
    if (in.present.empty()) return rows<false>(in);
    rows<true>(in);
  }
  void advance(int64_t watermark) {
    while (!open_.empty()) {
      int64_t end = INT64_MAX;
      for (const Pane& pane : open_) end = std::min(end, std::max(pane.from, fired_ + slide_));
      if (end > watermark) return;
      fire(end);
      fired_ = end;
      std::erase_if(open_, [&](const Pane& pane) { return pane.start + size_ <= end; });
    }
  }

  std::vector<Result<Key>> results;
  std::vector<size_t> late;

 private:
  using Cells = std::vector<Cell>;
  struct Pane {
    int64_t start;
    int64_t from;  // the end of the first window that its rows are in time for
    Cells cells;
  };

  template <bool kNulls>
  void rows(const Columns<Key>& in) {
    Cells* cells = nullptr;
    int64_t start = 0;
    int64_t end = INT64_MIN;
    for (size_t row = 0; row < in.keys.size(); ++row) {
      const int64_t time = in.times[row];
      const int64_t watermark = in.watermarks[row];
      if (time < start || time >= end || watermark >= end) [[unlikely]] {
        start = floor_to(time, slide_);
        end = start + slide_;
        int64_t from = end;
        if (watermark >= end) {
          from = floor_to(watermark, slide_) + slide_;
          end = INT64_MIN;
        }
        if (from > start + size_) {
          late.push_back(row);
          continue;
        }
        cells = &pane(start, from);
      }
      const auto [at, added] =
          slots_.try_emplace(in.keys[row], static_cast<uint32_t>(keys_.size()));
      if (added) keys_.push_back(in.keys[row]);
      const uint32_t slot = at->second;
      if (slot >= cells->size()) [[unlikely]]
        cells->resize(std::max<size_t>(slot + 1, keys_.size()));
      add<kNulls>((*cells)[slot], in, row);
    }
  }
  Cells& pane(int64_t start, int64_t from) {
    for (auto at = open_.rbegin(); at != open_.rend(); ++at) {
      if (at->start == start && at->from == from) return at->cells;
    }
    open_.push_back({start, from, Cells(keys_.size())});
    return open_.back().cells;
  }
  static void add_to(Cells& into, const Cells& more) {
    if (into.size() < more.size()) into.resize(more.size());
    for (size_t slot = 0; slot < more.size(); ++slot) into[slot] += more[slot];
  }
  void add_pane(Cells& into, int64_t start) const {
    for (const Pane& pane : open_) {
      if (pane.start == start && pane.from == start + slide_) add_to(into, pane.cells);
    }
  }
  void fire(int64_t end) {
    const int64_t first = (end - size_) / slide_;
    const int64_t block = floor_to(first, panes_);
    if (block != block_) {
      block_ = block;
      ends_.assign(static_cast<size_t>(panes_), {});
      for (int64_t i = panes_ - 1; i >= first - block; --i) {
        Cells& sums = ends_[static_cast<size_t>(i)];
        if (i + 1 < panes_) sums = ends_[static_cast<size_t>(i) + 1];
        add_pane(sums, (block + i) * slide_);
      }
      beginning_.clear();
      next_ = block + panes_;
    }
    for (; next_ < first + panes_; ++next_) add_pane(beginning_, next_ * slide_);
    sums_ = ends_[static_cast<size_t>(first - block)];
    add_to(sums_, beginning_);
    for (const Pane& pane : open_) {
      const bool partly_late = pane.from != pane.start + slide_;
      if (partly_late && pane.from <= end && pane.start >= end - size_) add_to(sums_, pane.cells);
    }
    for (size_t slot = 0; slot < sums_.size(); ++slot) {
      const Cell& cell = sums_[slot];
      if (cell.count == 0) continue;
      results.push_back({keys_[slot], end, cell.count, cell.sum, cell.mean()});
    }
  }

  int64_t size_, slide_, panes_;
  boost::unordered_flat_map<Key, uint32_t, Hash> slots_;
  std::vector<Key> keys_;
  std::vector<Pane> open_;
  int64_t fired_ = INT64_MIN / 2;
  int64_t block_ = INT64_MIN;
  int64_t next_ = 0;
  std::vector<Cells> ends_;
  Cells beginning_, sums_;
};

}  // namespace flow::operators::by_hand
