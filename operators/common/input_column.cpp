#include "operators/common/input_column.hpp"

#include <algorithm>
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

std::string column_names(const flow_schema& schema) {
  constexpr uint32_t kMost = 30;
  std::string names;
  for (uint32_t i = 0; i < std::min(schema.n_fields, kMost); ++i) {
    names.append(i == 0 ? "" : ", ").append(schema.fields[i]->name);
  }
  if (schema.n_fields > kMost) {
    names.append(" and ").append(std::to_string(schema.n_fields - kMost)).append(" more");
  }
  return names.empty() ? "no columns" : names;
}

}  // namespace

std::string nearest_column(const flow_schema& schema, std::string_view wanted) {
  std::vector<std::string> names;
  collect(schema.fields, schema.n_fields, "", names);
  return nearest_name(names, wanted);
}

std::string missing_column_remedy(const flow_schema& schema, std::string_view name) {
  const std::string nearest = nearest_column(schema, name);
  return nearest.empty() ? "it has " + column_names(schema) : "did you mean '" + nearest + "'?";
}

void throw_missing_column(const flow_schema& schema, std::string_view option,
                          std::string_view name) {
  std::string message = std::string(option) + ": column '" + std::string(name) +
                        "' is not in the input: it has " + column_names(schema);
  const std::string nearest = nearest_column(schema, name);
  if (!nearest.empty()) message += " (did you mean '" + nearest + "'?)";
  throw Failure(message);
}

std::optional<flow_type> inferred_column(const Inference& inference, const std::string& option,
                                         const std::string& name, int64_t offset) {
  const flow_schema* schema = inference.input();
  if (schema == nullptr) return std::nullopt;
  const ColumnPath path = find_column(*schema, name);
  if (!path.steps.empty()) return path.type;
  if (inference.open()) return std::nullopt;
  throw OptionFailure(option, "there is no column '" + name + "' in the input",
                      missing_column_remedy(*schema, name), offset);
}

bool infer_text_column(const Inference& inference, const std::string& option,
                       const std::string& name) {
  const std::optional<flow_type> type = inferred_column(inference, option, name);
  if (!type) return false;
  if (!AnyTextView::accepts(*type)) {
    throw OptionFailure(
        option,
        "the column '" + name + "' is " + std::string(type_name(*type)) + ", but text is needed",
        {}, 0);
  }
  return true;
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
