#include "operators/codecs/logfmt.hpp"

#include <utility>

namespace flow::operators {

void Logfmt::describe(Description<Options>& d) {
  d.name("logfmt");
  d.summary("Names and values, a line each row: level=info msg=\"it works\".");
  d.doc(
      "Decoding makes each line a row and each name a column: those that `schema` declares come "
      "first, are there in every batch and have their type; the others are text, in the order in "
      "which a batch meets them. Values that begin with a quote end at the next one, with the "
      "escapes of JSON; a name alone has the value `true`, `name=` an empty text; of a repeated "
      "name the last counts. Lines fail with `no_fields`, `no_name`, `unclosed_quote`, "
      "`text_after_quote`, `bad_type` or `too_many_fields`, each with its place. Line ends, empty "
      "lines, over-long lines and invalid UTF-8 are treated as by the codec `lines`. About 20 ns a "
      "pair.\n\n"
      "Encoding writes `name=value` for each column that has one, structs field by field as "
      "`location.lat=1.5`; quotes where they are needed; `_` in a name for what it cannot hold. A "
      "row without any value fails with `no_fields`.");
  d.example("type = \"logfmt\"\nschema = { ts = \"timestamp\", status = \"int\" }\n");
  d.traits(FLOW_STATELESS | FLOW_DECODES | FLOW_ENCODES);
  d.output("errors", "Lines that are none, do not fit the schema or are too long; rows of nulls.");
  d.option(
      "schema", &Options::schema,
      std::string("When decoding: a type for each name that is to have one. ") + kSchemaTypesDoc);
  d.choice("undeclared", &Options::undeclared,
           {{"keep", Undeclared::kKeep}, {"drop", Undeclared::kDrop}},
           "When decoding: whether names that `schema` does not declare become text columns, or "
           "are left out, which saves their columns.");
  d.option("max_line", &Options::max_line,
           "The longest line, in bytes without its end, that is decoded; longer ones go to "
           "`errors` as `line_too_long`. A source holds back up to twice this much for each "
           "partition.")
      .range(1, 1 << 29);
  d.option("max_fields", &Options::max_fields,
           std::string("When decoding: the most fields of one row, counting all declared ones. A "
                       "row with a name beyond them goes to `errors` as `too_many_fields`. ") +
               kBatchWidthDoc)
      .range(1, 65536);
}

void Logfmt::infer(const Options& options, Shared& shared, Inference& inference) {
  if (inference.role() != FLOW_ROLE_DECODE) {
    inference.output({{"bytes", Type::binary()}});
    return;
  }
  const FieldRows rows(shared.schema.fields(), options.undeclared, options.max_fields);
  inference.output(rows.certain_fields(), rows.is_open());
}

Logfmt::Logfmt(const Options& options, Shared& shared)
    : lines_(options.max_line.bytes, shared.continuations),
      parser_(shared.schema, options.undeclared, options.max_fields) {}

Status Logfmt::consume(uint32_t input, const Batch& in, Output& out) {
  if (role() != FLOW_ROLE_DECODE) return Codec::consume(input, in, out);
  while (!lines_.decode_some(in, parser_, out)) {
    if (out.room() < 1) return Status::kMore;
  }
  out.absorb(in.rows());
  return Status::kDone;
}

void Logfmt::decode(const Batch& in, Output& out) {
  while (!lines_.decode_some(in, parser_, out)) {
  }
}

void Logfmt::plan(const flow_field* const* fields, uint32_t n, const ColumnPath& parent,
                  const std::string& prefix) {
  for (uint32_t i = 0; i < n; ++i) {
    ColumnPath path = parent;
    path.steps.push_back(i);
    path.type = fields[i]->type;
    std::string name = prefix + logfmt_name(fields[i]->name);
    if (path.type == FLOW_STRUCT) {
      plan(fields[i]->children, fields[i]->n_children, path, name + ".");
    } else {
      columns_.push_back({std::move(path), std::move(name), FieldText()});
    }
  }
}

void Logfmt::encode(const Batch& in, bool delimited, Output& out) {
  if (schema_.get() != &in.schema()) {
    columns_.clear();
    plan(in.schema().fields, in.schema().n_fields, {}, "");
    schema_ = Reference<const flow_schema>::share(&in.schema());
  }
  for (Column& column : columns_) {
    if (!column.text.bind(*in.follow(column.path), out)) {
      throw Failure("logfmt: column '" + column.name +
                    "' is a list, which has no place in a line; drop it, or take it apart with "
                    "explode");
    }
  }
  rows_.start(in, out);
  for (int64_t row = 0; row < in.rows(); ++row) {
    std::string& bytes = rows_.bytes();
    bool any = false;
    for (Column& column : columns_) {
      value_.clear();
      if (!column.text.append(row, value_)) continue;
      if (any) bytes += ' ';
      any = true;
      bytes.append(column.name) += '=';
      append_logfmt_value(value_, bytes);
    }
    if (!any) {
      rows_.fail_row("no_fields", "every column of the row is null");
      continue;
    }
    if (delimited) bytes += '\n';
    rows_.end_row();
  }
  rows_.finish();
}

}  // namespace flow::operators
