// Rows as bytes: what an operator keeps of them in its state, and how they become columns again.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flow/inference.hpp"
#include "operators/common/collected_column.hpp"

namespace flow::operators {

// What a stored value comes back as: itself, but a category as text, inside structs and lists too.
Type stored_type(const Type& type);

// The names and types of columns as bytes, and back. Throws Failure for bytes that are none.
std::string encode_fields(const Fields& fields);
Fields decode_fields(std::string_view bytes);

// Writes rows of a batch, cell by cell: a byte that is 0 for null and 1 otherwise, then a number's
// eight bytes, a bool's one, a text behind its length, the cells of a struct, those of a list
// behind their number. Some 3 to 8 ns a cell.
class RowWriter {
 public:
  // The columns of the rows to come, borrowed; NULL: null in every row.
  void bind(std::span<const flow_column* const> columns);
  void append(int64_t row, std::string& bytes) const;

 private:
  struct Cell {
    flow_type type = 0;
    Validity validity;
    const flow_column* column = nullptr;  // NULL: always null
    std::vector<Cell> children;
  };
  static Cell cell_of(const flow_column* column);
  static void append(const Cell& cell, int64_t row, std::string& bytes);

  std::vector<Cell> cells_;
};

// A column of stored cells. `type` is a stored_type. Keeps its memory when it is emptied.
class StoredColumn {
 public:
  explicit StoredColumn(const Type& type);

  void append_null();
  // The cell at `at`, which must be one of this type. Where it ends.
  const char* append(const char* at);
  // Forgets what was collected.
  TypedColumn take(Host host);

 private:
  Type type_;
  CollectedColumn plain_;               // of what nests nothing
  std::vector<StoredColumn> children_;  // of a struct its fields, of a list its elements
  int64_t rows_ = 0;                    // of a struct or list
  std::vector<int64_t> nulls_;
  std::vector<int64_t> ends_;  // of a list's rows, among its elements
};

}  // namespace flow::operators
