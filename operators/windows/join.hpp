// The window `join`: pairs of rows of two streams, by key and within a band of time.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operators/windows/due_queue.hpp"
#include "operators/windows/join_rows.hpp"
#include "operators/windows/join_side.hpp"

namespace flow::operators {

// Rows wait in keyed tables, in two lists a key, until the watermark has reached their time: then
// each is *settled*, which makes the pairs with rows of the other side that were settled before. So
// all that comes out is in the order of event time, whatever the order of arrival.
class Join final : public Window {
 public:
  enum class Kind : uint8_t { kInner, kLeft, kOuter };
  struct Options {
    std::vector<Field> left_key;
    std::vector<Field> right_key;
    std::optional<Duration> within;
    std::optional<Duration> before;
    std::optional<Duration> after;
    Kind kind = Kind::kInner;
    std::string left_prefix;
    std::string right_prefix = "right_";
    int64_t max_keys = 1'000'000;
    int64_t max_rows = 10'000;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit Join(const Options& options);
  void open(Output& out) override { table_.emplace(out, "keys", 1); }
  Status consume(uint32_t input, const Batch& in, Output& out) override;
  Status advance(int64_t watermark, Output& out) override;

 private:
  // How a row begins in the key group's arena; its cells follow.
  struct RowHead {
    int64_t time;
    int64_t stamp;  // the watermark of its partition as of it
    uint64_t layout;
    StoredBytes next, before;  // in its list; all zero: none
    uint32_t matched;
    uint32_t reserved;
  };
  // The rows of one side of a key: first those that are settled, in the order of that, then the
  // others by time, of equal times as they came.
  struct List {
    StoredBytes first, last;
    StoredBytes unsettled;  // the first one
    uint32_t rows = 0;
    uint32_t reserved = 0;
  };
  struct Record {
    std::array<List, 2> sides;
    int64_t due = INT64_MAX;     // of the earliest entry of due_ for a row to settle
    int64_t expiry = INT64_MAX;  // of the one for rows that no other can join any more
    StoredBytes layout;          // of a record that is no key but a layout
  };
  // When a key is to be looked at.
  struct Due {
    int64_t time;
    uint64_t hash;
    uint32_t slot;
    uint32_t row;  // that it was planned for: where in the arena, to be fetched in time
    bool operator>(const Due& other) const {
      if (time != other.time) return time > other.time;
      if (hash != other.hash) return hash > other.hash;
      return slot > other.slot;
    }
  };
  // The row under way: which rows of the other side it has yet to meet.
  struct Meeting {
    StoredBytes with;
    bool begun = false;
  };
  using Table = KeyedTable<Record>;
  static constexpr uint32_t kRight = 1;

  void load();
  bool keep_layout(uint32_t input, uint64_t hash);
  // Whether the row is part of the state now; else it has failed.
  bool take_row(uint32_t input, int32_t row, const Batch& in, Output& out);
  void link(uint32_t input, uint64_t hash, Record& record, StoredBytes stored, int64_t time);
  int64_t reach(uint32_t side) const { return side == kRight ? before_ : after_; }

  const RowHead& head(uint64_t hash, StoredBytes row) {
    return *reinterpret_cast<const RowHead*>(table_->load(hash, row).data());
  }
  RowHead& edit(uint64_t hash, StoredBytes row) {
    return *reinterpret_cast<RowHead*>(table_->edit(hash, row));
  }
  int64_t next_settling(uint64_t hash, const Record& record, uint32_t& side);
  int64_t next_expiry(uint64_t hash, const Record& record, uint32_t& side);
  // Deals with what a key has at or before `due`. False: there is no room for the results.
  bool visit(const Due& due, Output& out);
  bool settle(const Due& due, Record& record, uint32_t side, Output& out);
  void expire(const Due& due, Record& record, uint32_t side);
  void plan(const Due& due, Record& record);
  // Unless the key is looked at by then; `earliest` says when that is, and is told.
  void schedule(const Due& due, int64_t& earliest);
  void push_due(const Due& due);
  void fetch(const Due& due);
  bool has_room(Output& out) { return !results_.is_full() || results_.send(out); }
  std::string_view key_of(const Due& due) { return table_->key_at(group_of(due.hash), due.slot); }

  const Kind kind_;
  const int64_t before_, after_;
  const uint32_t keys_per_group_;
  const uint32_t max_rows_;
  std::array<bool, 2> keeps_unmatched_;
  std::array<JoinSide, 2> sides_;
  JoinRows results_;
  std::optional<Table> table_;
  bool loaded_ = false;
  DueQueue<Due> due_;
  std::optional<Due> visited_;  // the call is repeated for the rest of it
  Meeting meeting_;
  // Groups that have the layout of each side, and how many layouts each group has.
  std::array<std::bitset<FLOW_KEY_GROUPS>, 2> has_layout_;
  std::array<uint32_t, FLOW_KEY_GROUPS> layouts_{};
  std::string bytes_;
  std::vector<int32_t> late_;
};

}  // namespace flow::operators
