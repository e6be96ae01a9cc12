// Rows that the sink `sqlite` has gathered, and their order in a transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/batch.hpp"
#include "operators/sinks/sqlite_table.hpp"
#include "operators/sinks/sqlite_values.hpp"

namespace flow::operators {

// The rows of one batch that are to be written.
class SqliteBatch {
 public:
  SqliteBatch(Batch batch, std::shared_ptr<const SqliteLayout> layout, bool times_as_text);

  const Batch& batch() const { return batch_; }
  const SqliteLayout& layout() const { return *layout_; }
  // A column of the batch by its number.
  SqliteValues& values(size_t column) { return values_[column]; }

  // Rows in their order; of those that erase, ~row.
  std::vector<int32_t> rows;

  // Binds the columns of the row to parameters from `first`; the others are null.
  void bind(SqliteStatement& statement, int first, int64_t row);
  // Binds the columns of the key to parameters from 1.
  void bind_key(SqliteStatement& statement, int64_t row);
  void append_key(int64_t row, std::string& out) const;
  // SHA-256, in hexadecimal, of the key's columns as a JSON array.
  std::string key_digest(int64_t row) const;
  int64_t bytes() const;

 private:
  Batch batch_;
  std::shared_ptr<const SqliteLayout> layout_;
  std::vector<SqliteValues> values_;
};

// Sorts rows by their keys, so that a transaction goes through the table once from one end to the
// other, and finds those that a later row replaces.
class SqliteKeyOrder {
 public:
  struct Row {
    uint64_t prefix;  // of the key
    uint64_t begin;
    uint32_t length;
    uint32_t batch;
    int32_t row;
  };

  void clear() {
    rows_.clear();
    keys_.clear();
  }
  void add(const SqliteBatch& batch, uint32_t number, int32_t row);
  // By key; of each key the row that was added last.
  const std::vector<Row>& sort();

 private:
  std::string_view key(const Row& row) const {
    return std::string_view(keys_).substr(row.begin, row.length);
  }

  std::vector<Row> rows_;
  std::string keys_;
};

}  // namespace flow::operators
