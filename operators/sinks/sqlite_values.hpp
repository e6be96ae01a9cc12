// The values of a batch's columns as SQLite takes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "flow/batch.hpp"
#include "operators/common/sqlite_database.hpp"

namespace flow::operators {

// Nanoseconds since 1970 as SQLite's own functions write a time in UTC, 2025-10-28 10:15:30.5, with
// as many decimals as needed: such texts sort as the times do.
std::string sqlite_time(int64_t nanoseconds);

// One column of a batch, which must outlive it.
class SqliteValues {
 public:
  SqliteValues(const flow_field& field, const flow_column& column, bool times_as_text);

  // A null, a JSON null, a number that is none (NaN).
  bool is_null(int64_t row) const;
  // Borrowed until the next bind of this column, or as long as the batch. A null is not bound.
  void bind(SqliteStatement& statement, int parameter, int64_t row);
  // Appends bytes that are equal for equal values, and in whose order SQLite has them, but for the
  // ends of texts that others begin with. Not for a null.
  void append_key(int64_t row, std::string& out) const;
  // Appends the value as JSON.
  void append_json(int64_t row, std::string& out) const;
  // Of its texts, in the rows of the batch.
  int64_t bytes() const;

 private:
  const flow_field* field_;
  const flow_column* column_;
  bool times_as_text_;
  Validity validity_;
  std::optional<AnyTextView> texts_;
  std::string text_;
};

}  // namespace flow::operators
