// CSV records to typed columns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/inference.hpp"
#include "flow/output.hpp"
#include "operators/common/csv_reader.hpp"
#include "operators/common/typed_column.hpp"

namespace flow::operators {

// The text that a record's cells are places in: a buffer of the shared column, or a short text that
// stands in its view.
struct CsvPlace {
  const char* base;
  int32_t buffer;
  int32_t capacity;  // bytes that may be read from `base` on
};

// Records that have one field a column each.
struct CsvRows {
  const CsvCell* cells;  // row by row
  const CsvPlace* places;
  int64_t count;
  std::string_view own;  // of cells that are the reader's own
};

// Builds a column for each name: of the declared type, or text; declared fields that no name has
// follow, and are null. Texts are views into the shared buffers. About 3 ns a text, 10 to 20 ns for
// a value of another type. One an instance.
class CsvColumns {
 public:
  // A field that is `null_text`, or is empty, not quoted and not text, is null.
  CsvColumns(const DeclaredSchema& declared, std::string null_text)
      : declared_(declared), null_text_(std::move(null_text)) {}

  void set_names(std::vector<std::string> names);
  const std::vector<std::string>& names() const { return names_; }
  // The declared fields that none of the names is.
  std::vector<std::string> missing() const;
  // What build() makes for these names.
  static Fields fields(const DeclaredSchema& declared, const std::vector<std::string>& names);

  struct BadValue {
    int64_t row;
    size_t column;
  };
  // The columns of all rows; a value that is not of its type is null, and named in `bad`, in order
  // of its row and once a row. `shared` has the buffers that the places number.
  std::vector<NewColumn> build(Host host, const CsvRows& rows, const flow_column& shared,
                               std::vector<BadValue>& bad);
  // For people: what is wrong with the value of a field.
  std::string complaint(size_t column, std::string_view text) const;

 private:
  flow::TypedColumn build_text(Host host, const CsvRows& rows, size_t column,
                               const flow_column& shared, const Buffer& own) const;
  flow::TypedColumn build_typed(Host host, const CsvRows& rows, size_t column,
                                const flow_column& shared, std::vector<BadValue>& bad);
  bool is_null(const CsvCell& cell, std::string_view text) const;

  const DeclaredSchema& declared_;
  std::string null_text_;
  std::vector<std::string> names_;
  std::vector<std::optional<TypedColumnBuilder>> typed_;  // one a name; none: text
  std::vector<TypedColumnBuilder> missing_;
};

// The text of a cell.
inline std::string_view text_of(const CsvCell& cell, const CsvPlace& place, std::string_view own) {
  const char* const begin = cell.is_own() ? own.data() + cell.own_begin() : place.base + cell.begin;
  return {begin, static_cast<size_t>(cell.length)};
}

}  // namespace flow::operators
