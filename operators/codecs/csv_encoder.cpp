#include "operators/codecs/csv_encoder.hpp"

#include <utility>

namespace flow::operators {

CsvEncoder::CsvEncoder(const CsvDialect& dialect, std::vector<std::string> names,
                       std::string null_text, bool quote_all, bool header)
    : dialect_(dialect),
      names_(std::move(names)),
      null_text_(std::move(null_text)),
      quote_all_(quote_all),
      header_(header),
      special_("\r\n") {
  special_ += dialect.delimiter;
  if (dialect.quote != 0) special_ += dialect.quote;
}

void CsvEncoder::plan_fields(const flow_field* const* fields, uint32_t n, const ColumnPath& parent,
                             const std::string& prefix) {
  for (uint32_t i = 0; i < n; ++i) {
    std::string name = prefix;
    name.append(fields[i]->name);
    ColumnPath path = parent;
    path.steps.push_back(i);
    path.type = fields[i]->type;
    if (path.type == FLOW_STRUCT) {
      plan_fields(fields[i]->children, fields[i]->n_children, path, name.append("."));
    } else {
      columns_.push_back({std::move(name), std::move(path), FieldText()});
    }
  }
}

void CsvEncoder::plan(const flow_schema& schema) {
  if (schema_.get() == &schema) return;
  columns_.clear();
  if (names_.empty()) {
    plan_fields(schema.fields, schema.n_fields, {}, "");
  } else {
    for (const std::string& name : names_) {
      columns_.push_back({name, find_column(schema, name), FieldText()});
    }
  }
  plan_header();
  schema_ = Reference<const flow_schema>::share(&schema);
}

void CsvEncoder::plan_header() {
  header_line_.clear();
  bad_header_ = false;
  if (!header_) return;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const std::string& name = columns_[i].name;
    // Without quotes, a line that is empty or a comment is no record either.
    bad_header_ |= dialect_.quote == 0 &&
                   (name.find_first_of(special_) != std::string::npos ||
                    (i == 0 && (name.empty() || name[0] == '\xEF' || name[0] == dialect_.comment)));
    if (i > 0) header_line_ += dialect_.delimiter;
    write_field(name, i == 0, header_line_);
  }
  header_line_ += '\n';
}

bool CsvEncoder::needs_quotes(std::string_view text, bool is_first) const {
  if (text.empty() || quote_all_) return true;
  if (text.find_first_of(special_) != std::string_view::npos) return true;
  if (dialect_.trim &&
      (text.front() == ' ' || text.front() == '\t' || text.back() == ' ' || text.back() == '\t')) {
    return true;
  }
  return is_first &&
         ((dialect_.comment != 0 && text.front() == dialect_.comment) || text.front() == '\xEF');
}

void CsvEncoder::write_field(std::string_view text, bool is_first, std::string& out) const {
  if (!needs_quotes(text, is_first)) {
    out.append(text);
    return;
  }
  if (dialect_.quote == 0) {
    out.append(text);
    return;
  }
  out += dialect_.quote;
  for (size_t quote = text.find(dialect_.quote); quote != std::string_view::npos;
       quote = text.find(dialect_.quote)) {
    out.append(text.substr(0, quote + 1)) += dialect_.quote;
    text.remove_prefix(quote + 1);
  }
  out.append(text) += dialect_.quote;
}

void CsvEncoder::encode(const Batch& in, bool delimited, Output& out) {
  plan(in.schema());
  for (Column& column : columns_) {
    const flow_column* found = in.follow(column.path);
    if (found != nullptr && !column.text.bind(*found, out)) {
      throw Failure("csv: a " + std::string(type_name(found->type)) +
                    " column is no field of a CSV record; name others under `fields`, or encode "
                    "it as JSON before");
    }
  }
  if (delimited && bad_header_) {
    for (int64_t row = 0; row < in.rows(); ++row) {
      out.fail(in, row, "not_representable",
               "a column's name does not fit into a header of a dialect without quotes; rename the "
               "column, or write no header (header = false)");
    }
    return;
  }
  rows_.start(in, out, delimited ? std::string_view(header_line_) : std::string_view());
  for (int64_t row = 0; row < in.rows(); ++row) {
    std::string& bytes = rows_.bytes();
    bool representable = true;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) bytes += dialect_.delimiter;
      value_.clear();
      Column& column = columns_[i];
      if (column.path.steps.empty() || !column.text.append(row, value_)) {
        // A record of nothing would be an empty line, which is none.
        if (columns_.size() == 1 && null_text_.empty() && dialect_.quote != 0) {
          bytes.append(2, dialect_.quote);
        } else {
          bytes.append(null_text_);
        }
        continue;
      }
      if (dialect_.quote == 0 && value_.find_first_of(special_) != std::string::npos) {
        representable = false;
        break;
      }
      write_field(value_, i == 0, bytes);
    }
    if (!representable) {
      rows_.fail_row("not_representable",
                     "a field holds the delimiter or a line end, and the dialect has no quotes");
      continue;
    }
    if (delimited) bytes += '\n';
    rows_.end_row();
  }
  rows_.finish();
}

}  // namespace flow::operators
