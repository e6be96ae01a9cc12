#include "operators/transforms/drop.hpp"

#include <algorithm>

namespace flow::operators {

void Drop::describe(Description<Options>& d) {
  d.name("drop");
  d.summary("Drops the named fields and keeps all others.");
  d.doc(
      "The other fields keep their order. No data is copied: it costs well under a microsecond a "
      "batch. It drops fields, never rows; the transform `filter` does that.");
  d.example("type = \"drop\"\ninputs = [\"parsed\"]\nfields = [\"agent\", \"referer\"]\n");
  d.traits(FLOW_STATELESS);
  d.option("fields", &Options::fields,
           "Names of whole columns; a name with a dot does not reach inside a struct here.")
      .required();
  d.choice(
      "missing", &Options::missing, {{"error", Missing::kError}, {"ignore", Missing::kIgnore}},
      "What a field means that is not there: error stops the pipeline and says so, which finds "
      "misspelt names; ignore goes on without it, for JSON whose fields vary.");
}

FieldSelection::Columns Drop::select(const flow_schema& schema) const {
  for (const Field& field : options_.fields) {
    required_column(schema, field.name, options_.missing, "drop");
  }
  FieldSelection::Columns columns;
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    const std::string_view name = schema.fields[i]->name;
    const auto dropped = [&](const Field& field) { return field.name == name; };
    if (std::none_of(options_.fields.begin(), options_.fields.end(), dropped)) {
      columns.emplace_back(i, name);
    }
  }
  return columns;
}

void Drop::infer(const Options& options, Inference& inference) {
  if (inference.input() == nullptr || inference.open()) return;
  if (infer_missing(names_of(options.fields), options.missing, false, inference)) {
    infer_picked(Drop(options).select(*inference.input()), inference);
  }
}

void Drop::process(const Batch& in, Output& out) {
  out.emit(selection_.pick(in, out, [this](const flow_schema& schema) { return select(schema); }));
}

}  // namespace flow::operators
