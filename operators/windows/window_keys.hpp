// The keys of a window operator, and a number for each.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flow/state.hpp"
#include "operators/common/collected_keys.hpp"
#include "operators/common/keyed_rows.hpp"
#include "operators/windows/key_index.hpp"

namespace flow::operators {

// Keys live in a KeyedTable; a key's number says its slot there. What is in memory beside the table
// is a cache: found again from it after a restart.
//
// Numbers of one segment, kSegment of them, belong to neighbouring slots of one key group, so that
// what is kept for keys can be arrays by segment.
class WindowKeys {
 public:
  static constexpr uint32_t kSegmentBits = 6;
  static constexpr uint32_t kSegment = 1U << kSegmentBits;
  static constexpr uint32_t kNone = UINT32_MAX;
  // Instead of a number.
  static constexpr uint32_t kNoRoom = UINT32_MAX;       // state_limit
  static constexpr uint32_t kTooLong = UINT32_MAX - 1;  // more than 64 KiB
  static constexpr uint32_t kFirstTrouble = kTooLong;

  // What stands beside a key, for its user.
  struct Record {
    StoredBytes block;
  };
  // A key of a group, in the order of hashes.
  struct Member {
    uint64_t hash;
    uint32_t slot;
    std::string_view key;  // good as long as the key is there
  };

  explicit WindowKeys(const std::vector<Field>& fields);
  void open(Output& out) { table_.emplace(out, "keys", 1); }

  // Before the rows of a batch: true if the types of the fields were not known before. Throws
  // Failure for a missing field, one of another type than before, and a struct or list.
  bool bind(const Batch& in, const Output& out);
  std::span<const int32_t> rows() const { return rows_.rows(); }
  const uint64_t* hashes() const { return rows_.hashes(); }
  // The numbers of rows, found or given out, to `numbers`.
  void find(std::span<const int32_t> rows, uint32_t* numbers);

  std::vector<flow_type> types() const { return types_; }
  void set_types(const std::vector<flow_type>& types);
  size_t fields() const { return names_.size(); }

  KeyedTable<Record>& table() { return *table_; }
  uint32_t highest_slot(uint32_t group) { return table_->highest_slot(group); }
  // Segments of a group, in the order of its slots.
  const std::vector<uint32_t>& segments(uint32_t group) const { return groups_[group].segments; }
  uint32_t segment(uint32_t group, uint32_t index);
  uint32_t group_of_segment(uint32_t segment) const { return places_[segment].group; }
  uint32_t index_of_segment(uint32_t segment) const { return places_[segment].index; }
  uint32_t slot_of(uint32_t number) const {
    return index_of_segment(number >> kSegmentBits) * kSegment + number % kSegment + 1;
  }
  uint32_t segment_count() const { return static_cast<uint32_t>(places_.size()); }
  // The keys of a group; good until one is found or erased.
  const std::vector<Member>& members(uint32_t group);
  void erase(uint32_t group, const Member& member);

  // Collects a key for columns(), which puts the fields' columns first.
  void append(const Member& member) { collected_.append(member.key); }
  void take(Host host, std::vector<NewColumn>& columns);

 private:
  // How the rows of the bound batch find their keys.
  enum class Way : uint8_t { kOne, kInteger, kText, kCategory, kBytes };
  struct Group {
    std::vector<uint32_t> segments;
    std::vector<Member> members;
    bool known = false;  // members
  };
  struct Place {
    uint32_t group;
    uint32_t index;
  };

  void bind_types(const Batch& in);
  uint32_t number_of(uint64_t hash, int32_t row);
  // `read(row, key)`: false where the row's key is none of the index.
  template <class Key, class Read>
  void find_in(KeyIndex<Key>& index, std::span<const int32_t> rows, uint32_t* numbers, Read read);
  template <class Key, class Read>
  void find_present(KeyIndex<Key>& index, const Validity& validity, std::span<const int32_t> rows,
                    uint32_t* numbers, Read read);

  std::vector<std::string> names_;
  std::vector<ColumnFinder> finders_;
  std::vector<flow_type> types_;
  Reference<const flow_schema> known_;
  KeyedRows rows_;
  Way way_ = Way::kBytes;
  const flow_column* column_ = nullptr;
  std::optional<KeyedTable<Record>> table_;
  KeyIndex<int64_t> integers_;
  KeyIndex<ShortText> texts_;
  std::array<Group, FLOW_KEY_GROUPS> groups_;
  std::vector<Place> places_;
  CollectedKeys collected_;
};

}  // namespace flow::operators
