#include "operators/transforms/rename.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace flow::operators {

namespace {

// Ends the start with what is wrong with an entry of `fields`.
[[noreturn]] void refuse(const Value& value, std::initializer_list<std::string_view> words) {
  std::string message = value.place;
  if (!message.empty()) message.append(": ");
  message.append("rename: ");
  for (const std::string_view word : words) message.append(word);
  throw Failure(message);
}

}  // namespace

Rename::Shared::Shared(const Options& options, Host) {
  for (const auto& [from, value] : options.fields.items) {
    if (value.type != FLOW_OPTION_TEXT || value.text.empty()) {
      refuse(value, {"fields.", from, ": the new name must be a text"});
    }
    FieldPattern old_name(from);
    FieldPattern new_name(value.text);
    if (new_name.wildcards() > old_name.wildcards()) {
      refuse(value, {"'", value.text, "' has more wildcards than '", from, "'"});
    }
    for (const auto& [other, taken] : names) {
      if (!new_name.has_wildcards() && taken.text() == new_name.text()) {
        refuse(value,
               {"'", other.text(), "' and '", from, "' cannot both become '", value.text, "'"});
      }
    }
    names.emplace_back(std::move(old_name), std::move(new_name));
  }
}

void Rename::describe(Description<Options>& d) {
  d.name("rename");
  d.summary("Gives fields other names.");
  d.doc(
      "The fields keep their places. All are renamed at once, so two can swap names; a field's own "
      "name comes before the patterns that it matches, and of these the first one counts. A new "
      "name that another field has already stops the pipeline; drop that field first. No data is "
      "copied: it costs well under a microsecond a batch.");
  d.example(
      "type = \"rename\"\ninputs = [\"parsed\"]\nfields = { host = \"client\", \"*er\" = "
      "\"*er_text\" }\n");
  d.traits(FLOW_STATELESS);
  d.option(
       "fields", &Options::fields,
       "Old names, and the new ones as their values. An old name may be a pattern: `*` stands for "
       "any characters, dots too, `?` for one, and a backslash takes the next one as it is; the "
       "wildcards of the new name are filled with what they stand for, in order (`\"user.*\" = "
       "\"*\"`). Whole columns only: a name with a dot does not reach inside a struct here.")
      .required();
  d.choice("missing", &Options::missing, {{"error", Missing::kError}, {"ignore", Missing::kIgnore}},
           "What an old name means that is not there: error stops the pipeline and says so, which "
           "finds misspelt names; ignore goes on without it, for JSON whose fields vary.");
}

PickedColumns Rename::select(const flow_schema& schema) const {
  PickedColumns columns;
  for (uint32_t i = 0; i < schema.n_fields; ++i) columns.emplace_back(i, schema.fields[i]->name);
  std::vector<bool> renamed(columns.size(), false);
  for (const bool wildcards : {false, true}) {
    for (const auto& [from, to] : names_) {
      if (from.has_wildcards() != wildcards) continue;
      for (const uint32_t index : required_columns(schema, from, missing_, "rename")) {
        if (renamed[index]) continue;
        renamed[index] = true;
        columns[index].second = to.filled(*from.captures(schema.fields[index]->name));
        if (columns[index].second.empty()) {
          throw Failure("rename: '" + from.text() + "' leaves nothing of the name '" +
                        schema.fields[index]->name + "'");
        }
      }
    }
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
  std::vector<FieldPattern> patterns;
  for (const auto& [from, to] : shared.names) patterns.push_back(from);
  if (!infer_missing(patterns, options.missing, true, inference)) return;
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
