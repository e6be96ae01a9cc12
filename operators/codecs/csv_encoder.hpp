// Rows to CSV records.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operators/common/csv_dialect.hpp"
#include "operators/common/encoded_rows.hpp"
#include "operators/common/field_text.hpp"

namespace flow::operators {

// One an instance; it remembers the last schema.
class CsvEncoder {
 public:
  // `names`: the columns to write, dotted names reach inside structs; none: all, and of a struct
  // its fields.
  CsvEncoder(const CsvDialect& dialect, std::vector<std::string> names, std::string null_text,
             bool quote_all);

  // `delimited`: each record with a LF.
  void encode(const Batch& in, bool delimited, Output& out);

 private:
  struct Column {
    ColumnPath path;  // without steps: the batch has none, and the field is null
    FieldText text;
  };
  void plan(const flow_schema& schema);
  void plan_fields(const flow_field* const* fields, uint32_t n, const ColumnPath& parent);
  void write_field(std::string_view text, bool is_first);
  bool needs_quotes(std::string_view text, bool is_first) const;

  CsvDialect dialect_;
  std::vector<std::string> names_;
  std::string null_text_;
  bool quote_all_;
  std::string special_;  // what a field without quotes cannot hold
  Reference<const flow_schema> schema_;
  std::vector<Column> columns_;
  EncodedRows rows_;
  std::string value_;
};

}  // namespace flow::operators
