#include "operators/common/field_list.hpp"

namespace flow::operators {

void describe_field_list(Description<FieldListOptions>& d) {
  d.traits(FLOW_STATELESS);
  d.option(
       "fields", &FieldListOptions::fields,
       "Names of whole columns, or patterns: `*` stands for any characters, dots too (`user.*`, "
       "`*_id`), `?` for one, and a backslash takes the next one as it is. A name with a dot "
       "does not reach inside a struct here.")
      .required();
  d.choice("missing", &FieldListOptions::missing,
           {{"error", Missing::kError}, {"ignore", Missing::kIgnore}},
           "What a field means that is not there, or a pattern that no field matches: error stops "
           "the pipeline and says so, which finds misspelt names; ignore goes on without it, for "
           "JSON whose fields vary.");
}

void FieldListTransform::infer_columns(Inference& inference) const {
  if (inference.input() == nullptr || inference.open()) return;
  if (infer_missing(patterns_, missing_, false, inference)) {
    infer_picked(select(*inference.input()), inference);
  }
}

void FieldListTransform::process(const Batch& in, Output& out) {
  out.emit(selection_.pick(in, out, [this](const flow_schema& schema) { return select(schema); }));
}

}  // namespace flow::operators
