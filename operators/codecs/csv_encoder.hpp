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
  // `header`: what is encoded with delimiters has a header as its prologue.
  CsvEncoder(const CsvDialect& dialect, std::vector<std::string> names, std::string null_text,
             bool quote_all, bool header);

  // `delimited`: each record with a LF.
  void encode(const Batch& in, bool delimited, Output& out);

 private:
  struct Column {
    std::string name;  // in the header; of a struct's field, dotted
    ColumnPath path;   // without steps: the batch has none, and the field is null
    FieldText text;
  };
  void plan(const flow_schema& schema);
  void plan_fields(const flow_field* const* fields, uint32_t n, const ColumnPath& parent,
                   const std::string& prefix);
  void plan_header();
  void write_field(std::string_view text, bool is_first, std::string& out) const;
  bool needs_quotes(std::string_view text, bool is_first) const;

  CsvDialect dialect_;
  std::vector<std::string> names_;
  std::string null_text_;
  bool quote_all_;
  bool header_;
  std::string special_;  // what a field without quotes cannot hold
  Reference<const flow_schema> schema_;
  std::vector<Column> columns_;
  std::string header_line_;  // of the schema, with its line end
  bool bad_header_ = false;  // the dialect cannot write it
  EncodedRows rows_;
  std::string value_;
};

}  // namespace flow::operators
