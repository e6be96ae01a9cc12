#include "operators/common/field_selection.hpp"

#include "operators/common/input_column.hpp"

namespace flow::operators {
namespace {

constexpr const char* kIgnoreRemedy =
    "correct the name, or set missing = \"ignore\" if not every row has it";

struct MissingField {
  std::string what;
  std::string nearest;  // "": none
};
MissingField missing_field(const flow_schema& schema, const FieldPattern& pattern) {
  if (pattern.has_wildcards()) return {"no field matches '" + pattern.text() + "'", ""};
  return {"there is no field '" + pattern.name() + "'", nearest_column(schema, pattern.name())};
}

}  // namespace

int64_t column_index(const flow_schema& schema, std::string_view name) {
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    if (name == schema.fields[i]->name) return i;
  }
  return -1;
}

std::vector<uint32_t> matching_columns(const flow_schema& schema, const FieldPattern& pattern) {
  std::vector<uint32_t> columns;
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    if (pattern.matches(schema.fields[i]->name)) columns.push_back(i);
  }
  return columns;
}

std::vector<uint32_t> required_columns(const flow_schema& schema, const FieldPattern& pattern,
                                       Missing missing, std::string_view operator_name) {
  std::vector<uint32_t> columns = matching_columns(schema, pattern);
  if (!columns.empty() || missing == Missing::kIgnore) return columns;
  const MissingField field = missing_field(schema, pattern);
  throw Failure(std::string(operator_name) + ": " + field.what +
                (field.nearest.empty() ? "" : " (did you mean '" + field.nearest + "'?)") + "; " +
                kIgnoreRemedy);
}

std::vector<FieldPattern> patterns_of(const std::vector<Field>& fields) {
  std::vector<FieldPattern> patterns;
  patterns.reserve(fields.size());
  for (const Field& field : fields) patterns.emplace_back(field.name);
  return patterns;
}

void infer_picked(const PickedColumns& columns, Inference& inference) {
  const flow_schema& schema = *inference.input();
  Fields fields;
  for (const auto& [index, name] : columns) {
    fields.emplace_back(name, Type::of(*schema.fields[index]));
  }
  inference.output(fields);
}

bool infer_missing(const std::vector<FieldPattern>& patterns, Missing missing, bool keys_of_table,
                   Inference& inference) {
  if (missing == Missing::kIgnore) return true;
  bool complete = true;
  const flow_schema& schema = *inference.input();
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (!matching_columns(schema, patterns[i]).empty()) continue;
    complete = false;
    const MissingField field = missing_field(schema, patterns[i]);
    inference.problem(OptionFailure(
        "fields", field.what,
        field.nearest.empty() ? kIgnoreRemedy : "did you mean '" + field.nearest + "'?", 0,
        keys_of_table ? patterns[i].text() : std::to_string(i)));
  }
  return complete;
}

}  // namespace flow::operators
