#include "operators/windows/paned_window.hpp"

#include <algorithm>
#include <numeric>

#include "operators/common/aggregate_numbers.hpp"
#include "operators/common/prefetch.hpp"

namespace flow::operators {
namespace {

constexpr size_t kBlock = 512;  // rows whose cells stay in the cache from part to part

int64_t floor_to(int64_t value, int64_t unit) {
  const int64_t rest = value % unit;
  return value - (rest < 0 ? rest + unit : rest);
}

}  // namespace

PanedWindow::PanedWindow(WindowSettings settings, int64_t size, int64_t slide, int64_t offset)
    : settings_(std::move(settings)),
      size_(size),
      slide_(slide),
      offset_(offset % slide),
      pane_(std::gcd(size, slide)),
      keys_per_group_(
          static_cast<uint32_t>((settings_.max_keys + FLOW_KEY_GROUPS - 1) / FLOW_KEY_GROUPS)),
      keys_(settings_.key),
      set_(settings_.calls, "aggregate"),
      told_at_(set_.cell_bytes()),
      cell_bytes_(told_at_ + (settings_.emit == Emit::kUpdates ? 8 : 0)),
      cells_(set_, keys_, cell_bytes_),
      rows_(keys_, set_, settings_.emit == Emit::kUpdates) {
  if (size_t{cell_bytes_} * WindowKeys::kSegment > FLOW_PAGE_BYTES) {
    throw OptionFailure("aggregate", "these are too many: they need more than 1,024 bytes a key",
                        "use two " + settings_.name + " operators");
  }
  constexpr int64_t kFewPanes = 3;
  if (pane_ == slide_ && size_ / slide_ > kFewPanes) {
    pane_sums_.emplace(set_, keys_, cells_, pane_, size_ / slide_, offset_);
  }
}

void PanedWindow::open(Output& out) {
  keys_.open(out);
  cells_.open(out);
  memo_.open(out);
  memory_.emplace(keys_.table());
  missed_ = out.counter("missed_windows",
                        "Windows that rows came too late for which came in time for later ones.");
}

void PanedWindow::load() {
  if (loaded_) return;
  loaded_ = true;
  fired_ = memo_.load(keys_, set_);
  cells_.load();
}

// ---- rows ----

PanedWindow::Place PanedWindow::place_of(int64_t time) const {
  const int64_t start = floor_to(time - offset_, pane_) + offset_;
  const int64_t last_start = floor_to(start - offset_, slide_) + offset_;
  const int64_t windows = (size_ - (start - last_start) - pane_) / slide_;
  return {nullptr, start, last_start - windows * slide_ + size_, last_start + size_};
}

void PanedWindow::put(Pane& pane, int32_t row) {
  if (pane.rows.empty()) touched_.push_back(&pane);
  pane.rows.push_back(row);
}

// Gives every row to its pane, or to the late ones.
void PanedWindow::sort_rows(const Batch& in, Output& out) {
  const int64_t* const times = times_.times();
  const int64_t* const watermarks = times_.watermarks();
  const int64_t border = 2 * size_ + slide_;
  const std::span<const int32_t> rows = keys_.rows();
  Place place{nullptr, 0, 0, 0};
  const auto pane = static_cast<uint64_t>(pane_);
  size_t i = 0;
  while (i < rows.size()) {
    if (place.pane != nullptr) {
      // Those of the same pane, in time for all of its windows.
      const auto start = static_cast<uint64_t>(place.start);
      const size_t begin = i;
      const auto fits = [&](int32_t row) {
        return (static_cast<uint64_t>(times[row]) - start < pane) & (watermarks[row] < place.first);
      };
      // Nearly always whole batches: first many at a time, without a branch for each.
      constexpr size_t kMany = 16;
      for (bool all = true; i + kMany <= rows.size(); i += kMany) {
        for (size_t ahead = 0; ahead < kMany; ++ahead) all &= fits(rows[i + ahead]);
        if (!all) break;
      }
      while (i < rows.size() && fits(rows[i])) ++i;
      if (i > begin) {
        if (place.pane->rows.empty()) touched_.push_back(place.pane);
        place.pane->rows.insert(place.pane->rows.end(), rows.begin() + static_cast<int64_t>(begin),
                                rows.begin() + static_cast<int64_t>(i));
        continue;
      }
    }
    const int32_t row = rows[i++];
    const int64_t time = times[row];
    if (time < INT64_MIN + border || time > INT64_MAX - border) {
      out.fail(
          in, row, "bad_time",
          settings_.name + ": no window can be made around the event time " + std::to_string(time));
      continue;
    }
    Place other = place_of(time);
    const int64_t watermark = watermarks[row];
    // Later than its stamp says is a row whose partition was silent while all its windows were
    // told.
    if (watermark >= other.last || other.last <= fired_) {
      late_.push_back(row);
    } else if (watermark >= other.first) {
      const int64_t from = other.last - (other.last - watermark - 1) / slide_ * slide_;
      missed_windows_ += (from - other.first) / slide_;
      put(cells_.pane(other.start, from), row);
    } else {
      other.pane = &cells_.pane(other.start, other.first);
      // Only a clock that was set back brings rows to what has fired.
      if (pane_sums_ && other.first <= fired_) pane_sums_->forget();
      place = other;
      put(*place.pane, row);
    }
  }
}

void PanedWindow::fail_key(uint32_t trouble, int32_t row, const Batch& in, Output& out) const {
  if (trouble == WindowKeys::kTooLong) {
    out.fail(in, row, "key_too_long", settings_.name + ": the key has more than 64 KiB");
  } else {
    out.fail(in, row, "state_limit",
             settings_.name + ": no room for one more key: raise state_limit, or lower max_keys");
  }
}

// A key's first row in a pane. False: it failed.
bool PanedWindow::begin_key(Pane& pane, uint32_t number, int32_t row, const Batch& in,
                            Output& out) {
  const uint32_t group = keys_.group_of_segment(number >> WindowKeys::kSegmentBits);
  if (pane.keys[group] >= keys_per_group_) {
    out.fail(in, row, "too_many_keys",
             settings_.name + ": the key's group has had its share of max_keys in this " +
                 (slide_ == size_ ? "window" : "pane") + ": raise max_keys");
    return false;
  }
  if (!memo_.begin(group, keys_, set_, fired_)) {
    fail_key(WindowKeys::kNoRoom, row, in, out);
    return false;
  }
  if (++pane.keys[group] == 1 && settings_.time == WindowTime::kProcessing) {
    set_timer(group, std::max(pane.from, fired_ + 1), out);
  }
  return true;
}

// Keys of which rows have failed stay only if others are there, so that there are never more than
// max_keys has room for.
void PanedWindow::forget_refused() {
  std::sort(refused_.begin(), refused_.end());
  refused_.erase(std::unique(refused_.begin(), refused_.end()), refused_.end());
  for (const uint32_t number : refused_) {
    const uint32_t group = keys_.group_of_segment(number >> WindowKeys::kSegmentBits);
    const uint32_t slot = keys_.slot_of(number);
    const WindowKeys::Member member{keys_.table().hash_at(group, slot), slot, {}};
    if (!has_rows(member, group)) keys_.erase(group, member);
  }
  refused_.clear();
}

void PanedWindow::add_rows(Pane& pane, const Batch& in, Output& out) {
  numbers_.resize(pane.rows.size());
  row_cells_.resize(kBlock);
  kept_.resize(kBlock);
  keys_.find(pane.rows, numbers_.data());
  constexpr uint32_t kInSegment = WindowKeys::kSegment - 1;
  for (size_t begin = 0; begin < pane.rows.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, pane.rows.size());
    // The cells are far apart: all of a block are asked for before the first is touched.
    for (size_t i = begin; i < end; ++i) {
      const uint32_t number = numbers_[i];
      char* const cells = number < WindowKeys::kFirstTrouble
                              ? cells_.cells(pane, number >> WindowKeys::kSegmentBits)
                              : nullptr;
      char* const cell =
          cells != nullptr ? cells + size_t{number & kInSegment} * cell_bytes_ : nullptr;
      row_cells_[i - begin] = cell;
      prefetch(cell);
    }
    const std::span<const int32_t> rows(pane.rows.data() + begin, end - begin);
    size_t n = 0;
    bool all = true;  // so far; then kept_ is not filled
    const auto leave_out = [&] {
      if (all) std::copy_n(rows.begin(), n, kept_.begin());
      all = false;
    };
    for (size_t i = 0; i < rows.size(); ++i) {
      char* const cell = row_cells_[i];
      if (cell == nullptr) [[unlikely]] {
        const uint32_t number = numbers_[begin + i];
        const bool known = number < WindowKeys::kFirstTrouble;
        fail_key(known ? WindowKeys::kNoRoom : number, rows[i], in, out);
        if (known) refused_.push_back(number);
        leave_out();
        continue;
      }
      int64_t& count = part_at<int64_t>(cell, 0);
      if (count == 0 && !begin_key(pane, numbers_[begin + i], rows[i], in, out)) [[unlikely]] {
        refused_.push_back(numbers_[begin + i]);
        leave_out();
        continue;
      }
      ++count;
      if (!all) [[unlikely]] {
        row_cells_[n] = cell;
        kept_[n] = rows[i];
      }
      ++n;
    }
    absorbed_ += static_cast<int64_t>(n);
    set_.add(
        {{all ? rows.data() : kept_.data(), n}, row_cells_.data(), keys_.hashes(), times_.times()},
        *memory_);
  }
  pane.rows.clear();
  forget_refused();
}

Status PanedWindow::consume(uint32_t, const Batch& in, Output& out) {
  load();
  if (in.rows() == 0) return Status::kDone;
  times_.read(in, settings_, out.now());
  keys_.bind(in, out);
  set_.bind(in);
  touched_.clear();
  late_.clear();
  absorbed_ = 0;
  missed_windows_ = 0;
  sort_rows(in, out);
  for (Pane* pane : touched_) add_rows(*pane, in, out);
  out.absorb(absorbed_);
  if (missed_windows_ > 0) missed_.record(static_cast<double>(missed_windows_));
  if (!late_.empty()) {
    const auto n = static_cast<int64_t>(late_.size());
    out.late(n == in.rows() ? in : out.select(in, late_.data(), n));
  }
  return Status::kDone;
}

// ---- windows ----

// The end of the next window with rows, behind the one that ends at `after`.
std::optional<int64_t> PanedWindow::next_end(int64_t after) const {
  std::optional<int64_t> next;
  for (const auto& pane : cells_.panes()) {
    int64_t end = pane->from;
    if (after != INT64_MIN && end <= after) end += ((after - end) / slide_ + 1) * slide_;
    if (end <= place_of(pane->start).last && (!next || end < *next)) next = end;
  }
  return next;
}

// Adds a pane to merged_: the first one is read where it is.
void PanedWindow::add_pane(const Pane& pane, uint32_t group) {
  const std::vector<uint32_t>& segments = keys_.segments(group);
  const size_t segment_bytes = size_t{cell_bytes_} * WindowKeys::kSegment;
  const uint32_t slots = keys_.highest_slot(group);
  for (uint32_t index = 0; index < segments.size(); ++index) {
    const char* const cells = PaneCells::peek(pane, segments[index]);
    if (cells == nullptr) continue;
    if (merged_[index] == nullptr) {
      merged_[index] = cells;
      continue;
    }
    const size_t used = std::min(WindowKeys::kSegment, slots - index * WindowKeys::kSegment);
    char* const sum = sums_.data() + index * segment_bytes;
    if (merged_[index] != sum) {
      std::memcpy(sum, merged_[index], used * cell_bytes_);
      merged_[index] = sum;
    }
    set_.merge(sum, cells, cell_bytes_, used);
    if (cell_bytes_ == told_at_) continue;
    for (size_t i = 0; i < used; ++i) {
      part_at<int64_t>(sum + i * cell_bytes_, told_at_) +=
          part_at<int64_t>(cells + i * cell_bytes_, told_at_);
    }
  }
}

// Adds the panes of a window up for a group: merged_.
void PanedWindow::add_up(uint32_t group, int64_t end, bool final) {
  panes_in_window_.clear();
  for (const auto& pane : cells_.panes()) {
    if (pane->start >= end) break;
    if (pane->start >= end - size_ && pane->from <= end && pane->keys[group] > 0) {
      panes_in_window_.push_back(pane.get());
    }
  }
  const size_t segments = keys_.segments(group).size();
  const size_t segment_bytes = size_t{cell_bytes_} * WindowKeys::kSegment;
  merged_.assign(segments, nullptr);
  // Panes that rows may still come to are not kept as sums.
  const bool kept = final && pane_sums_.has_value();
  if (kept) pane_sums_->add_up(group, end - size_, sums_);
  sums_.resize(segments * segment_bytes);
  for (size_t index = 0; kept && index < segments; ++index) {
    merged_[index] = sums_.data() + index * segment_bytes;
  }
  for (const Pane* pane : panes_in_window_) {
    if (!kept || pane->from != pane->start + pane_) add_pane(*pane, group);
  }
}

bool PanedWindow::has_rows(const WindowKeys::Member& member, uint32_t group) const {
  const uint32_t segment = keys_.segments(group)[(member.slot - 1) / WindowKeys::kSegment];
  const size_t at = size_t{(member.slot - 1) % WindowKeys::kSegment} * cell_bytes_;
  return std::any_of(cells_.panes().begin(), cells_.panes().end(), [&](const auto& pane) {
    const char* const cells = PaneCells::peek(*pane, segment);
    return cells != nullptr && CellSet::rows(cells + at) != 0;
  });
}

// One row for each key of a group with rows in the window. When it is over, keys without rows in
// it or in a later one go.
void PanedWindow::collect(uint32_t group, int64_t end, bool final) {
  const std::vector<WindowKeys::Member>& members = keys_.members(group);
  if (members.empty()) return;
  add_up(group, end, final);
  const bool blocks = set_.has_blocks();
  std::vector<WindowKeys::Member> idle;
  for (const WindowKeys::Member& member : members) {
    const uint32_t index = (member.slot - 1) / WindowKeys::kSegment;
    const size_t at = size_t{(member.slot - 1) % WindowKeys::kSegment} * cell_bytes_;
    const char* const sum = merged_[index] != nullptr ? merged_[index] + at : nullptr;
    if (sum == nullptr || CellSet::rows(sum) == 0) {
      if (final && !has_rows(member, group)) idle.push_back(member);
      continue;
    }
    if (!final && part_at<int64_t>(sum, told_at_) == CellSet::rows(sum)) continue;
    key_cells_.clear();
    if (blocks) {
      const uint32_t segment = keys_.segments(group)[index];
      for (const Pane* pane : panes_in_window_) {
        const char* const cells = PaneCells::peek(*pane, segment);
        if (cells != nullptr && CellSet::rows(cells + at) != 0) key_cells_.push_back(cells + at);
      }
    }
    rows_.append(member, {key_cells_, sum, member.hash}, end - size_, end, final, *memory_);
  }
  for (const WindowKeys::Member& member : idle) keys_.erase(group, member);
}

void PanedWindow::finish(int64_t end) {
  fired_ = end;
  memo_.set_fired(end);
  std::vector<const Pane*> over;
  for (const auto& pane : cells_.panes()) {
    if (place_of(pane->start).last <= end) over.push_back(pane.get());
  }
  for (const Pane* pane : over) cells_.remove(*pane, *memory_);
}

// Every window that ends at `until` or before, in the order of their ends; groups in order, keys in
// that of their hashes.
Status PanedWindow::fire(int64_t until, Output& out) {
  while (true) {
    if (!cursor_.under_way) {
      const std::optional<int64_t> end = next_end(fired_);
      if (!end || *end > until) break;
      cursor_ = {*end, 0, true};
    }
    while (cursor_.group < FLOW_KEY_GROUPS) {
      if (rows_.is_full() && !rows_.send(out)) return Status::kMore;
      collect(cursor_.group++, cursor_.end, true);
    }
    finish(cursor_.end);
    cursor_.under_way = false;
  }
  return rows_.send(out) ? Status::kDone : Status::kMore;
}

// What open windows hold by now, of keys that have changed.
Status PanedWindow::update(int64_t watermark, Output& out) {
  if (!update_cursor_.under_way) {
    if (watermark < next_update_) return Status::kDone;
    const std::optional<int64_t> end = next_end(fired_);
    if (!end) return Status::kDone;
    update_cursor_ = {*end, 0, true};
    const int64_t every = std::max<int64_t>(settings_.every, 1);
    next_update_ = watermark > INT64_MAX - every ? INT64_MAX : floor_to(watermark, every) + every;
  }
  for (;;) {
    while (update_cursor_.group < FLOW_KEY_GROUPS) {
      if (rows_.is_full() && !rows_.send(out)) return Status::kMore;
      collect(update_cursor_.group++, update_cursor_.end, false);
    }
    const std::optional<int64_t> end = next_end(update_cursor_.end);
    if (!end) break;
    update_cursor_ = {*end, 0, true};
  }
  if (!rows_.send(out)) return Status::kMore;
  mark_told();
  update_cursor_.under_way = false;
  return Status::kDone;
}

void PanedWindow::mark_told() {
  for (const auto& pane : cells_.panes()) {
    for (uint32_t segment = 0; segment < pane->segments.size(); ++segment) {
      if (pane->segments[segment].cells == nullptr) continue;
      char* cell = cells_.cells(*pane, segment);
      for (uint32_t i = 0; i < WindowKeys::kSegment; ++i, cell += cell_bytes_) {
        part_at<int64_t>(cell, told_at_) = CellSet::rows(cell);
      }
    }
  }
}

Status PanedWindow::advance(int64_t watermark, Output& out) {
  load();
  if (settings_.time == WindowTime::kProcessing && watermark != INT64_MAX) return Status::kDone;
  if (!update_cursor_.under_way && fire(watermark, out) == Status::kMore) return Status::kMore;
  if (settings_.emit == Emit::kUpdates && watermark != INT64_MAX) return update(watermark, out);
  return Status::kDone;
}

// ---- the clock ----

void PanedWindow::set_timer(uint32_t group, int64_t end, Output& out) const {
  const flow_key key{
      .size = sizeof(flow_key), .length = 0, .hash = hash_in_group(group), .bytes = ""};
  out.get()->timer(out.get(), FLOW_PROCESSING_TIME, end, &key);
}

Status PanedWindow::timer(flow_time kind, int64_t nanoseconds, std::span<const flow_key* const>,
                          Output& out) {
  load();
  if (kind != FLOW_PROCESSING_TIME) return Status::kDone;
  if (fire(nanoseconds, out) == Status::kMore) return Status::kMore;
  if (const std::optional<int64_t> end = next_end(fired_)) {
    for (uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
      if (memo_.knows(group) && keys_.table().size(group) > 0) set_timer(group, *end, out);
    }
  }
  return Status::kDone;
}

}  // namespace flow::operators
