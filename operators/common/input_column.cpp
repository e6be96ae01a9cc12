#include "operators/common/input_column.hpp"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "operators/common/json_text.hpp"

namespace flow::operators {
namespace {

// Insertions, removals and replacements that turn `a` into `b`.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

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
  std::string names;
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    names.append(i == 0 ? "" : ", ").append(schema.fields[i]->name);
  }
  return names.empty() ? "no columns" : names;
}

}  // namespace

std::string nearest_name(const std::vector<std::string>& names, std::string_view wanted) {
  std::string nearest;
  size_t best = std::max<size_t>(2, wanted.size() / 3) + 1;
  for (const std::string& name : names) {
    if (const size_t distance = edit_distance(wanted, name); distance < best) {
      best = distance;
      nearest = name;
    }
  }
  return nearest;
}

std::string nearest_column(const flow_schema& schema, std::string_view wanted) {
  std::vector<std::string> names;
  collect(schema.fields, schema.n_fields, "", names);
  return nearest_name(names, wanted);
}

void throw_missing_column(const flow_schema& schema, std::string_view option,
                          std::string_view name) {
  std::string message =
      std::string(option) + ": column '" + std::string(name) + "' is not in the input: it has " +
      column_names(schema);
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
  const std::string nearest = nearest_column(*schema, name);
  throw OptionFailure(option, "there is no column '" + name + "' in the input",
                      nearest.empty() ? "it has " + column_names(*schema)
                                      : "did you mean '" + nearest + "'?",
                      offset);
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
