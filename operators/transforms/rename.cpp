#include "operators/transforms/rename.hpp"

namespace flow::operators {

Rename::Shared::Shared(const Options& options, Host) {
  for (const auto& [from, value] : options.fields.items) {
    const std::string place = value.place.empty() ? "" : value.place + ": ";
    if (value.type != FLOW_OPTION_TEXT || value.text.empty()) {
      throw Failure(place + "rename: fields." + from + ": the new name must be a text");
    }
    for (const auto& [other, name] : names) {
      if (name == value.text) {
        throw Failure(place + "rename: '" + other + "' and '" + from + "' cannot both become '" +
                      name + "'");
      }
    }
    names.emplace_back(from, value.text);
  }
}

void Rename::describe(Description<Options>& d) {
  d.name("rename");
  d.summary("Gives fields other names.");
  d.doc(
      "The fields keep their places. All are renamed at once, so two can swap names. A new name "
      "that "
      "another field has already stops the pipeline; drop that field first. No data is copied: it "
      "costs well under a microsecond a batch.");
  d.example(
      "type = \"rename\"\ninputs = [\"parsed\"]\nfields = { host = \"client\", agent = "
      "\"user_agent\" }\n");
  d.traits(FLOW_STATELESS);
  d.option(
       "fields", &Options::fields,
       "Old names, and the new ones as their values. Whole columns only: a name with a dot does "
       "not reach inside a struct here.")
      .required();
  d.choice("missing", &Options::missing, {{"error", Missing::kError}, {"ignore", Missing::kIgnore}},
           "What an old name means that is not there: error stops the pipeline and says so, which "
           "finds misspelt names; ignore goes on without it, for JSON whose fields vary.");
}

FieldSelection::Columns Rename::select(const flow_schema& schema) const {
  FieldSelection::Columns columns;
  for (uint32_t i = 0; i < schema.n_fields; ++i) columns.emplace_back(i, schema.fields[i]->name);
  for (const auto& [from, to] : names_) {
    const int64_t index = required_column(schema, from, missing_, "rename");
    if (index >= 0) columns[static_cast<size_t>(index)].second = to;
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (columns[i].second == columns[j].second) {
        throw Failure("rename: there would be two fields '" + columns[i].second +
                      "'; drop or rename the one that is there already");
      }
    }
  }
  return columns;
}

void Rename::infer(const Options& options, Shared& shared, Inference& inference) {
  if (inference.input() == nullptr || inference.open()) return;
  std::vector<std::string> names;
  for (const auto& [from, to] : shared.names) names.push_back(from);
  if (!infer_missing(names, options.missing, true, inference)) return;
  try {
    infer_picked(Rename(options, shared).select(*inference.input()), inference);
  } catch (const OptionFailure&) {
    throw;
  } catch (const Failure& failure) {
    throw OptionFailure("fields", failure.what());
  }
}

void Rename::process(const Batch& in, Output& out) {
  out.emit(selection_.pick(in, out, [this](const flow_schema& schema) { return select(schema); }));
}

}  // namespace flow::operators
