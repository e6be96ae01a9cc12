#include "core/graph/kept_fields.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "flow/builder.hpp"

namespace flowrun {
namespace {

flow::Type type_at(const flow_schema& schema, const flow::ColumnPath& path) {
  const flow_field* field = schema.fields[path.steps.front()];
  for (std::size_t i = 1; i < path.steps.size(); ++i) field = field->children[path.steps[i]];
  return flow::Type::of(*field);
}

flow::TypedColumn nulls(const flow::Output& host, std::int64_t rows) {
  flow::TextBuilder builder(host, rows);
  for (std::int64_t row = 0; row < rows; ++row) builder.append_null();
  return {builder.finish(), flow::Type::text()};
}

bool is_prologue(const flow_field& field) {
  return field.type == FLOW_BINARY && std::string_view(field.name) == FLOW_PROLOGUE_FIELD;
}

}  // namespace

KeptFields::KeptFields(const flow_kept_fields& asked) {
  for (std::uint32_t i = 0; i < asked.n_fields; ++i) {
    finders_.emplace_back(asked.fields[i]);
    names_.push_back(FLOW_KEPT_PREFIX + std::string(asked.fields[i]));
  }
}

flow::Batch KeptFields::rows_left(const flow::Batch& in, const flow::Output& host) {
  if (failed_.empty()) return in;
  std::vector<bool> gone(static_cast<std::size_t>(in.rows()));
  for (const FailedRow& failure : failed_) {
    if (failure.batch != in.get() || failure.row < 0 || failure.row >= in.rows()) {
      throw std::runtime_error("the codec fails rows of another batch than it was given");
    }
    gone[static_cast<std::size_t>(failure.row)] = true;
  }
  std::vector<std::int32_t> left;
  for (std::size_t row = 0; row < gone.size(); ++row) {
    if (!gone[row]) left.push_back(static_cast<std::int32_t>(row));
  }
  return host.select(in, left.data(), static_cast<std::int64_t>(left.size()));
}

std::vector<flow::Batch> KeptFields::release(const flow::Batch& in, flow::Output& host) {
  std::vector<flow::Batch> held = std::exchange(held_, {});
  if (held.empty()) {
    failed_.clear();
    return held;
  }
  const flow::Batch rows = rows_left(in, host);
  failed_.clear();
  std::int64_t encoded = 0;
  for (const flow::Batch& batch : held) encoded += batch.rows();
  if (encoded != rows.rows()) {
    throw std::runtime_error("the codec made " + std::to_string(encoded) + " rows of " +
                             std::to_string(rows.rows()) +
                             ", and the sink needs to know which is which");
  }
  std::int64_t first = 0;
  for (flow::Batch& batch : held) {
    const std::int64_t n = batch.rows();
    batch = beside(batch, n == encoded ? rows : host.slice(rows, first, n), host);
    first += n;
  }
  return held;
}

flow::Batch KeptFields::beside(const flow::Batch& encoded, const flow::Batch& rows,
                               flow::Output& host) {
  const bool has_prologue = encoded.column_count() == 2 && is_prologue(*encoded.schema().fields[1]);
  if ((encoded.column_count() != 1 && !has_prologue) || encoded.column(0).type != FLOW_BINARY) {
    throw std::runtime_error("the codec emits something else than one binary column");
  }
  std::vector<flow::NewColumn> columns;
  columns.push_back({"bytes", {encoded.share_column(0), flow::Type::binary()}});
  for (std::size_t i = 0; i < finders_.size(); ++i) {
    const flow_column* found = finders_[i].find(rows);
    if (found == nullptr) {
      columns.push_back({names_[i], nulls(host, rows.rows())});
      continue;
    }
    const flow::ColumnPath path = flow::find_column(rows.schema(), finders_[i].name());
    columns.push_back({names_[i],
                       {flow::Column(flow::Reference<const flow_column>::share(found)),
                        type_at(rows.schema(), path)}});
  }
  if (has_prologue) {
    columns.push_back({FLOW_PROLOGUE_FIELD, {encoded.share_column(1), flow::Type::binary()}});
  }
  return host.make(encoded.rows(), columns, &encoded.origin());
}

bool is_encoded(const flow_schema& schema) {
  const auto is_kept = [](const flow_field* field) {
    return std::string_view(field->name).substr(0, std::string_view(FLOW_KEPT_PREFIX).size()) ==
           FLOW_KEPT_PREFIX;
  };
  if (schema.n_fields == 0 || schema.fields[0]->type != FLOW_BINARY) return false;
  const std::uint32_t last = schema.n_fields - 1;
  const bool has_prologue = last > 0 && is_prologue(*schema.fields[last]);
  return std::all_of(schema.fields + 1, schema.fields + (has_prologue ? last : last + 1), is_kept);
}

}  // namespace flowrun
