// Tables of texts out of CSV files, NDJSON files and SQLite databases.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flow::operators {

// Rows of texts under named columns, read in one go.
class TextTable {
 public:
  // What is stored may take `max_bytes`: the texts, 16 bytes a cell.
  explicit TextTable(int64_t max_bytes) : max_bytes_(max_bytes) {}

  std::vector<std::string> names;

  size_t width() const { return names.size(); }
  int64_t rows() const {
    return names.empty() ? 0 : static_cast<int64_t>(cells_.size() / names.size());
  }
  // The next cell, row by row. Throws Failure beyond the limit.
  void add(std::string_view text);
  void add_null();
  bool is_null(int64_t row, size_t column) const { return cell(row, column).length < 0; }
  // "" of a null.
  std::string_view text(int64_t row, size_t column) const {
    const Cell& at = cell(row, column);
    return std::string_view(bytes_).substr(at.begin,
                                           at.length < 0 ? 0 : static_cast<size_t>(at.length));
  }

 private:
  struct Cell {
    size_t begin;
    int64_t length;  // -1: null
  };
  const Cell& cell(int64_t row, size_t column) const {
    return cells_[static_cast<size_t>(row) * names.size() + column];
  }
  void check() const;

  int64_t max_bytes_;
  std::string bytes_;
  std::vector<Cell> cells_;
};

// The bytes of a file, invalid UTF-8 repaired. Throws Failure with the file: it cannot be read, or
// is larger than `max_bytes`.
std::string read_table_file(const std::string& path, int64_t max_bytes);

// Each reads all of it into `table`, whose names say which columns are wanted; none: all there are,
// which of NDJSON is a Failure. Throws Failure with the path, which is not opened but for SQLite,
// and the line: a record that is none, a column that is not there.
//
// CSV: the first record has the names; an empty field without quotes is null.
void read_csv_table(const std::string& path, std::string_view text, TextTable& table);
// An object a line; of its fields strings as they read, null and absent ones as null, anything else
// as JSON without spaces. Empty lines are passed over.
void read_ndjson_table(const std::string& path, std::string_view bytes, TextTable& table);
// The rows of one statement that only reads. Bytes that are no text are read as text.
void read_sqlite_table(const std::string& path, const std::string& query, TextTable& table);

}  // namespace flow::operators
