#include "operators/transforms/filter.hpp"

namespace flow::operators {

void Filter::describe(Description<Options>& d) {
  d.name("filter");
  d.summary("Keeps the rows that meet a condition.");
  d.doc(
      "Rows for which the condition is true are passed on, the others dropped as \"condition "
      "false\"; rows for which it is neither, because a field is null or absent or does not mean "
      "what is asked of it, as \"condition null\".\n\n"
      "The language is described in docs/expressions.md. A text, category or JSON field beside a "
      "number counts as the number that it spells; a timestamp beside a text as "
      "'2025-10-28T10:15:30Z'. A comparison of types that have nothing in common (a bool with a "
      "text) is found by `flowrun validate` where the types are known, and else stops the "
      "pipeline. With now() in it, what is kept depends on when it runs.\n\n"
      "It costs about 1 ns a row and operator for numbers and categories, 2 to 10 ns for text, and "
      "the copying of the kept rows' columns (text stays where it is); a batch that is kept in "
      "full costs no more than the condition.");
  d.example(
      "type = \"filter\"\ninputs = [\"parsed\"]\n"
      "where = \"response >= 500 or contains(request, '/admin')\"\n");
  d.traits(FLOW_STATELESS);
  d.option("where", &Options::where,
           "The condition, an expression. Eg: status >= 500 and country in ['FR', 'DE']. A field "
           "whose name has other characters than letters, digits and _ . @ stands in backquotes.")
      .required();
}

void Filter::infer(const Options&, Shared& shared, Inference& inference) {
  infer_condition(shared.where, inference, true);
  inference.pass();
}

void Filter::process(const Batch& in, Output& out) {
  const Selection selection = where_.select(in, out);
  for (const std::string& message : where_.take_missing()) out.warn(message);
  const auto kept = static_cast<int64_t>(selection.rows.size());
  if (kept > 0) {
    out.emit(kept == in.rows() ? in : out.select(in, selection.rows.data(), kept));
  }
  out.drop(selection.nulls, "condition null");
  out.drop(in.rows() - kept - selection.nulls, "condition false");
}

}  // namespace flow::operators
