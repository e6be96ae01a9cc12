// Values of batches as text, for people who look at rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/batch.hpp"

namespace flowrun {

// "2025-10-28T10:15:30.123456789Z", without the fraction's last zeros.
std::string timestamp_text(std::int64_t nanoseconds);

// One value as JSON: text escaped, timestamps as text in UTC, bytes that are no text with U+FFFD,
// numbers that are not finite as null, JSON tokens as they are.
void append_json(std::string& out, const flow_column& column, const flow_field& field,
                 std::int64_t row);

// A row as one JSON object, without its end of line. Nulls are written.
std::string row_json(const flow_batch& batch, std::int64_t row);

// The type of a column: "text", "list<int64>", "struct<lat float64, lon float64>".
std::string type_text(const flow_field& field);

// Rows as an aligned table, with the columns' types in the second line. Columns are those of all
// rows, in the order of their appearance.
class RowTable {
 public:
  // Cells are cut at `widest` characters, with "…" at their end.
  explicit RowTable(std::size_t widest) : widest_(widest) {}

  void add(const flow_batch& batch, std::int64_t row);
  std::size_t rows() const { return rows_.size(); }
  std::string to_string() const;

 private:
  struct Column {
    std::string name, type;
    bool number = false;
    std::size_t width = 0;
  };
  using Cell = std::pair<std::string, std::size_t>;  // text, and its characters

  Cell cell(const flow_column& column, const flow_field& field, std::int64_t row) const;

  std::size_t widest_;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace flowrun
