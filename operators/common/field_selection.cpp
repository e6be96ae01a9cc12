#include "operators/common/field_selection.hpp"

#include <algorithm>

namespace flow::operators {
namespace {

// Insertions, deletions and replacements between two names (Levenshtein, 1965).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

int64_t column_index(const flow_schema& schema, std::string_view name) {
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    if (name == schema.fields[i]->name) return i;
  }
  return -1;
}

std::string nearest_column(const flow_schema& schema, std::string_view name) {
  std::string nearest;
  size_t best = name.size() / 3 + 2;  // more than that is another name
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    const size_t distance = edit_distance(name, schema.fields[i]->name);
    if (distance < best) {
      best = distance;
      nearest = schema.fields[i]->name;
    }
  }
  return nearest;
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
