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

}  // namespace flow::operators
