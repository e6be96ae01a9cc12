#include "operators/common/input_column.hpp"

#include <vector>

#include "operators/common/json_text.hpp"
#include "operators/common/nearest_name.hpp"

namespace flow::operators {
namespace {

void collect(const flow_field* const* fields, uint32_t n, const std::string& prefix,
             std::vector<std::string>& names) {
  for (uint32_t i = 0; i < n; ++i) {
    names.push_back(prefix + fields[i]->name);
    if (fields[i]->type == FLOW_STRUCT) {
      collect(fields[i]->children, fields[i]->n_children, names.back() + ".", names);
    }
  }
}

}  // namespace

std::string nearest_column(const flow_schema& schema, std::string_view wanted) {
  std::vector<std::string> names;
  collect(schema.fields, schema.n_fields, "", names);
  return nearest_name(wanted, names);
}

void throw_missing_column(const flow_schema& schema, std::string_view option,
                          std::string_view name) {
  std::string message =
      std::string(option) + ": column '" + std::string(name) + "' is not in the input: it has ";
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    message += (i == 0 ? "" : ", ") + std::string(schema.fields[i]->name);
  }
  if (schema.n_fields == 0) message += "no columns";
  const std::string nearest = nearest_column(schema, name);
  if (!nearest.empty()) message += " (did you mean '" + nearest + "'?)";
  throw Failure(message);
}

const flow_column& TextInput::find(const Batch& batch, Host host) {
  const flow_column* column = finder_.find(batch);
  if (column == nullptr) throw_missing_column(batch.schema(), option_, finder_.name());
  if (!AnyTextView::accepts(column->type)) {
    throw Failure(option_ + ": column '" + finder_.name() + "' is " +
                  std::string(type_name(column->type)) + ", but text is needed");
  }
  if (column->type != FLOW_JSON) return *column;
  converted_ = text_of_json(host, *column);
  return *converted_;
}

}  // namespace flow::operators
