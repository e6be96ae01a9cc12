// The rows of a batch that are a keyed instance's own, with their keys.
#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flow/options.hpp"
#include "flow/output.hpp"
#include "flow/state.hpp"

namespace flow::operators {

// Of an operator with the trait FLOW_KEYED, whose input names its key in an option of type fields.
class KeyedRows {
 public:
  // No fields: all rows have the same key.
  explicit KeyedRows(const std::vector<Field>& key) : reader_(names(key)), one_key_(key.empty()) {}

  // Before anything else is asked of a batch. Throws Failure where the host has not split the rows
  // by key, and std::invalid_argument for a struct or list as a key.
  void read(const Batch& in, const Output& out) {
    const flow_keys* keys = out.get()->keys(out.get());
    if (keys != nullptr) {
      rows_ = {keys->rows, static_cast<size_t>(keys->n_rows)};
      hashes_ = keys->hashes;
    } else if (one_key_) {
      all_rows_.resize(static_cast<size_t>(in.rows()));
      std::iota(all_rows_.begin(), all_rows_.end(), 0);
      rows_ = all_rows_;
      hashes_ = nullptr;
    } else {
      throw Failure("the rows are not split by key: this operator is run as one that is not keyed");
    }
    reader_.read(in);
  }

  // Ascending.
  std::span<const int32_t> rows() const { return rows_; }
  uint64_t hash(int32_t row) const { return hashes_ == nullptr ? 0 : hashes_[row]; }
  // Good until the next call.
  std::string_view key(int32_t row) { return reader_.key(row); }

 private:
  static std::vector<std::string> names(const std::vector<Field>& key) {
    std::vector<std::string> names;
    names.reserve(key.size());
    for (const Field& field : key) names.push_back(field.name);
    return names;
  }

  KeyReader reader_;
  bool one_key_;
  std::vector<int32_t> all_rows_;
  std::span<const int32_t> rows_;
  const uint64_t* hashes_ = nullptr;
};

// The group of a key's hash, and a hash that belongs to a group.
inline uint32_t group_of(uint64_t hash) { return static_cast<uint32_t>(hash >> 57); }
inline uint64_t hash_in_group(uint32_t group) { return uint64_t{group} << 57; }

// Records of one key group that are to be erased: KeyedTable::for_each allows it only afterwards.
template <class Record>
class Erasures {
 public:
  void add(uint64_t hash, std::string_view key) {
    entries_.push_back({hash, keys_.size(), key.size()});
    keys_ += key;
  }
  void apply(KeyedTable<Record>& table) {
    for (const Entry& entry : entries_) {
      table.erase(entry.hash, std::string_view(keys_).substr(entry.begin, entry.length));
    }
    entries_.clear();
    keys_.clear();
  }

 private:
  struct Entry {
    uint64_t hash;
    size_t begin, length;
  };
  std::vector<Entry> entries_;
  std::string keys_;
};

}  // namespace flow::operators
