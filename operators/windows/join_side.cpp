#include "operators/windows/join_side.hpp"

#include <algorithm>

#include "flow/host/key_hash.hpp"
#include "operators/common/aggregate.hpp"
#include "operators/common/input_column.hpp"

namespace flow::operators {
namespace {

constexpr size_t kIsKey = SIZE_MAX;

}  // namespace

JoinSide::JoinSide(std::string name, const std::vector<Field>& key, std::string prefix)
    : name_(std::move(name)), prefix_(std::move(prefix)), key_(key), keys_(key) {
  for (const Field& field : key) key_finders_.emplace_back(field.name);
}

bool JoinSide::bind(const Batch& in, const Output& out) {
  keys_.read(in, out);
  const bool other = bound_.get() != &in.schema();
  if (other) bind_schema(in.schema());
  key_validity_.clear();
  for (ColumnFinder& finder : key_finders_) {
    const Validity validity(*finder.find(in));
    if (validity.has_nulls()) key_validity_.push_back(validity);
  }
  bound_columns_.assign(columns_.size(), nullptr);
  for (uint32_t i = 0; i < in.column_count(); ++i) {
    if (place_of_column_[i] != kIsKey) bound_columns_[place_of_column_[i]] = &in.column(i);
  }
  writer_.bind(bound_columns_);
  return other;
}

bool JoinSide::has_key(int32_t row) const {
  return std::none_of(key_validity_.begin(), key_validity_.end(),
                      [row](const Validity& validity) { return validity.is_null(row); });
}

void JoinSide::bind_schema(const flow_schema& schema) {
  bound_ = {};
  std::vector<flow_type> types;
  for (const Field& field : key_) {
    const ColumnPath path = find_column(schema, field.name);
    if (path.steps.empty()) throw_missing_column(schema, name_ + "_key", field.name);
    types.push_back(value_type(path.type));
    if (!key_types_.empty() && key_types_[types.size() - 1] != types.back()) {
      throw Failure("join: " + name_ + "_key: the field '" + field.name + "' was " +
                    std::string(type_name(key_types_[types.size() - 1])) + " and is now " +
                    std::string(type_name(types.back())) +
                    ": give it one type before, with the transform cast");
    }
  }
  key_types_ = types;
  place_of_column_.clear();
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    const flow_field& field = *schema.fields[i];
    const bool is_key = std::any_of(key_.begin(), key_.end(),
                                    [&](const Field& key) { return key.name == field.name; });
    place_of_column_.push_back(is_key ? kIsKey
                                      : place_of(field.name, stored_type(Type::of(field))));
  }
  renew_layout();
  bound_ = Reference<const flow_schema>::share(&schema);
}

size_t JoinSide::place_of(const std::string& column, const Type& type) {
  const auto [found, added] = places_.try_emplace(column, columns_.size());
  if (added) {
    columns_.emplace_back(column, type);
  } else if (!(columns_[found->second].second == type)) {
    throw Failure("join: the column '" + column + "' of " + name_ + " was " +
                  std::string(type_name(columns_[found->second].second.id())) + " and is now " +
                  std::string(type_name(type.id())) +
                  (type.id() == columns_[found->second].second.id() ? " of other parts" : "") +
                  ": give it one type before, with the transform cast, or drop it");
  }
  return found->second;
}

void JoinSide::renew_layout() {
  std::string bytes;
  for (const flow_type type : key_types_) bytes += static_cast<char>(type);
  bytes += encode_fields(columns_);
  if (bytes == layout_.bytes) return;
  const uint64_t id = host::hash_bytes(bytes);
  layout_ = {id, std::move(bytes)};
  std::vector<size_t>& places = layouts_[id];
  places.resize(columns_.size());
  for (size_t i = 0; i < places.size(); ++i) places[i] = i;
}

void JoinSide::learn(std::string_view bytes) {
  std::vector<flow_type> types(bytes.begin(), bytes.begin() + static_cast<int64_t>(key_.size()));
  if (!key_types_.empty() && key_types_ != types) {
    throw Failure("join: the state has keys of several types for " + name_);
  }
  key_types_ = std::move(types);
  std::vector<size_t> places;
  for (const auto& [column, type] : decode_fields(bytes.substr(key_.size()))) {
    places.push_back(place_of(column, type));
  }
  layouts_[host::hash_bytes(bytes)] = std::move(places);
}

Fields JoinSide::result_fields() const {
  Fields fields;
  for (const auto& [column, type] : columns_) fields.emplace_back(prefix_ + column, type);
  return fields;
}

void JoinSide::collect(const JoinedRow& row, std::vector<StoredColumn>& columns) const {
  const char* at = row.cells;
  if (at == nullptr) {
    for (StoredColumn& column : columns) column.append_null();
    return;
  }
  if (row.layout == layout_.id) {
    for (StoredColumn& column : columns) at = column.append(at);
    return;
  }
  std::vector<bool> filled(columns.size());
  for (const size_t place : layouts_.at(row.layout)) {
    at = columns[place].append(at);
    filled[place] = true;
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!filled[i]) columns[i].append_null();
  }
}

}  // namespace flow::operators
