// One of the two streams of a join: its key, its columns, and its rows as bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/keyed_rows.hpp"
#include "operators/common/stored_rows.hpp"

namespace flow::operators {

// What the rows of a side are written with: all columns of the side that were known then, and a
// number for that list, the same wherever it is worked out.
struct JoinLayout {
  uint64_t id = 0;
  std::string bytes;  // the types of the key's fields, then encode_fields
};

// A stored row's cells.
struct JoinedRow {
  uint64_t layout = 0;
  const char* cells = nullptr;  // NULL: there is no row on this side
  size_t length = 0;
};

// Columns of a side only grow in number: one that a batch does not have is null in its rows.
class JoinSide {
 public:
  // `name`: "left" or "right". The columns of the result have `prefix` before their names.
  JoinSide(std::string name, const std::vector<Field>& key, std::string prefix);

  // Before the rows of a batch. True: the columns are not those of the batch before. Throws Failure
  // for a missing key field, a struct or list as one, and a column of another type than before.
  bool bind(const Batch& in, const Output& out);
  std::span<const int32_t> rows() const { return keys_.rows(); }
  uint64_t hash(int32_t row) const { return keys_.hash(row); }
  // Of a bound batch's row. The key is good until the next call.
  std::string_view key(int32_t row) { return keys_.key(row); }
  bool has_key(int32_t row) const;
  void append(int32_t row, std::string& bytes) const { writer_.append(row, bytes); }

  const std::string& name() const { return name_; }
  const std::vector<flow_type>& key_types() const { return key_types_; }
  // The columns of the result, in their order.
  Fields result_fields() const;
  const JoinLayout& layout() const { return layout_; }
  // A layout that a state was written with; its columns become this side's.
  void learn(std::string_view bytes);

  // The row's cells, or nulls, to `columns`, one for each of result_fields().
  void collect(const JoinedRow& row, std::vector<StoredColumn>& columns) const;

 private:
  void bind_schema(const flow_schema& schema);
  // Where the column stands among those known, added if it is not.
  size_t place_of(const std::string& column, const Type& type);
  void renew_layout();

  std::string name_, prefix_;
  std::vector<Field> key_;
  std::vector<ColumnFinder> key_finders_;
  KeyedRows keys_;
  std::vector<flow_type> key_types_;
  std::vector<Validity> key_validity_;  // of key columns with nulls
  Reference<const flow_schema> bound_;
  std::vector<size_t> place_of_column_;  // of the bound schema; kIsKey
  Fields columns_;
  std::unordered_map<std::string, size_t> places_;
  JoinLayout layout_;
  // Where the columns of each layout stand in columns_.
  std::unordered_map<uint64_t, std::vector<size_t>> layouts_;
  RowWriter writer_;
  std::vector<const flow_column*> bound_columns_;
};

}  // namespace flow::operators
