#include "operators/transforms/parse_logfmt.hpp"

#include <memory>

namespace flow::operators {

void ParseLogfmt::describe(Description<Options>& d) {
  d.name("parse_logfmt");
  d.summary("Takes names and values in a field apart: level=info msg=\"it works\".");
  d.traits(FLOW_STATELESS);
  d.doc(
      "Each name becomes a column, as by the codec `logfmt`: those that `schema` declares come "
      "first, are there in every batch and have their type, the others are text. A declared one "
      "replaces a column of the input with its name; an undeclared one is left out in favour of "
      "it, and counted in `hidden_values`. The column that was parsed is left out, unless a name "
      "is its own.\n\n"
      "Rows go to `errors` as `no_fields`, `no_name`, `unclosed_quote`, `text_after_quote`, "
      "`bad_type`, `too_many_fields` or `null_text`, with the place in the text. Values without "
      "escapes are views into the input: about 20 ns a pair.");
  d.example(R"(type = "parse_logfmt"
inputs = ["lines"]
schema = { status = "int", elapsed = "float" }
)");
  d.output("errors", "Rows whose text is no such line, as they came in.");
  describe_parse_target(d);
  d.option("schema", &Options::schema,
           std::string("A type for each name that is to have one. ") + kSchemaTypesDoc);
  d.choice("undeclared", &Options::undeclared,
           {{"keep", Undeclared::kKeep}, {"drop", Undeclared::kDrop}},
           "Whether names that `schema` does not declare become text columns, or are left out, "
           "which saves their columns.");
  d.option("max_fields", &Options::max_fields,
           std::string("The most fields of one row, counting all declared ones. A row with a name "
                       "beyond them goes to `errors` as `too_many_fields`. ") +
               kBatchWidthDoc)
      .range(1, 65536);
}

void ParseLogfmt::infer(const Options& options, Shared& shared, Inference& inference) {
  const FieldRows rows(shared.schema.fields(), options.undeclared, options.max_fields);
  ParseTarget{options.field.name, options.prefix, options.keep_source}.infer(
      inference, rows.certain_fields(), rows.is_open());
}

ParseLogfmt::ParseLogfmt(const Options& options, Shared& shared)
    : ParseTransform(
          {options.field.name, options.prefix, options.keep_source},
          std::make_unique<LogfmtParser>(shared.schema, options.undeclared, options.max_fields)) {}

}  // namespace flow::operators
