#include "operators/common/field_selection.hpp"

#include "operators/common/input_column.hpp"

namespace flow::operators {

int64_t column_index(const flow_schema& schema, std::string_view name) {
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    if (name == schema.fields[i]->name) return i;
  }
  return -1;
}

int64_t required_column(const flow_schema& schema, std::string_view name, Missing missing,
                        std::string_view operator_name) {
  const int64_t index = column_index(schema, name);
  if (index >= 0 || missing == Missing::kIgnore) return index;
  const std::string nearest = nearest_column(schema, name);
  throw Failure(std::string(operator_name) + ": there is no field '" + std::string(name) + "'" +
                (nearest.empty() ? "" : " (did you mean '" + nearest + "'?)") +
                "; correct the name, or set missing = \"ignore\" if not every row has it");
}

std::vector<std::string> names_of(const std::vector<Field>& fields) {
  std::vector<std::string> names;
  for (const Field& field : fields) names.push_back(field.name);
  return names;
}

void infer_picked(const PickedColumns& columns, Inference& inference) {
  const flow_schema& schema = *inference.input();
  Fields fields;
  for (const auto& [index, name] : columns) {
    fields.emplace_back(name, Type::of(*schema.fields[index]));
  }
  inference.output(fields);
}

bool infer_missing(const std::vector<std::string>& names, Missing missing, bool keys_of_table,
                   Inference& inference) {
  bool complete = true;
  for (size_t i = 0; i < names.size(); ++i) {
    if (column_index(*inference.input(), names[i]) >= 0 || missing == Missing::kIgnore) continue;
    complete = false;
    const std::string nearest = nearest_column(*inference.input(), names[i]);
    inference.problem(OptionFailure(
        "fields", "there is no field '" + names[i] + "'",
        nearest.empty() ? "correct the name, or set missing = \"ignore\" if not every row has it"
                        : "did you mean '" + nearest + "'?",
        0, keys_of_table ? names[i] : std::to_string(i)));
  }
  return complete;
}

}  // namespace flow::operators
