#include "operators/transforms/alert_rows.hpp"

#include <utility>

#include "operators/common/key_columns.hpp"

namespace flow::operators {
namespace {

constexpr std::array<const char*, 3> kStates = {"opened", "updated", "resolved"};

Type type_of_key(flow_type type) { return Type::of(key_column_type(type)); }

template <class Names>
Column dictionary(Host host, const Names& names) {
  TextBuilder texts(host, static_cast<int64_t>(names.size()));
  for (const auto& name : names) texts.append(name);
  return texts.finish();
}

void append_id(uint64_t id, TextBuilder& texts) {
  constexpr const char* kDigits = "0123456789abcdef";
  char text[16];
  for (int i = 15; i >= 0; --i, id >>= 4) text[i] = kDigits[id & 15];
  texts.append({text, sizeof text});
}

}  // namespace

flow_type key_column_type(flow_type type) {
  return type == FLOW_CATEGORY || type == FLOW_JSON ? FLOW_TEXT : type;
}

AlertRows::AlertRows(Host host, std::vector<std::string> key,
                     const std::vector<std::string>& severities)
    : key_(std::move(key)),
      states_(dictionary(host, kStates)),
      severities_(dictionary(host, severities)) {}

Fields AlertRows::fields(const Fields& key) {
  Fields fields = {{"incident", Type::text()},
                   {"state", Type::category()},
                   {"severity", Type::category()},
                   {"time", Type::timestamp()}};
  for (const auto& [name, type] : key) fields.emplace_back(name, type_of_key(type.id()));
  for (auto& field : Fields{{"started_at", Type::timestamp()},
                            {"ended_at", Type::timestamp()},
                            {"count", Type::int64()},
                            {"worst_score", Type::float64()},
                            {"reason", Type::text()}}) {
    fields.push_back(std::move(field));
  }
  return fields;
}

std::vector<std::string> AlertRows::own_names() {
  std::vector<std::string> names;
  for (const auto& [name, type] : fields({})) names.push_back(name);
  return names;
}

void AlertRows::add(const AlertRow& row, std::string_view key, const KeyTypes& types,
                    std::optional<std::string_view> reason) {
  if (!rows_.empty() && types != types_) {
    throw Failure("alert: a field of the key has changed its type");
  }
  types_ = types;
  rows_.push_back(row);
  keys_.push_back({bytes_.size(), key.size(), true});
  bytes_.append(key);
  reasons_.push_back({bytes_.size(), reason ? reason->size() : 0, reason.has_value()});
  if (reason) bytes_.append(*reason);
}

std::vector<TypedColumn> AlertRows::key_columns(Host host) {
  std::vector<flow_type> types;
  types.reserve(key_.size());
  for (size_t i = 0; i < key_.size(); ++i) {
    types.push_back(key_column_type(static_cast<flow_type>(types_[i])));
  }
  KeyColumns columns(host, size(), types);
  for (const Place& place : keys_) {
    columns.append(std::string_view(bytes_).substr(place.at, place.length));
  }
  return columns.finish();
}

Batch AlertRows::take(Output& out) {
  const int64_t rows = size();
  TextBuilder ids(out, rows);
  CategoryBuilder states(out, rows, states_);
  CategoryBuilder severities(out, rows, severities_);
  TimestampBuilder times(out, rows);
  TimestampBuilder starts(out, rows);
  TimestampBuilder ends(out, rows);
  Int64Builder counts(out, rows);
  Float64Builder scores(out, rows);
  TextBuilder reasons(out, rows);
  for (size_t i = 0; i < rows_.size(); ++i) {
    const AlertRow& row = rows_[i];
    append_id(row.id, ids);
    states.append(static_cast<int32_t>(row.state));
    severities.append(row.severity);
    times.append(row.time);
    starts.append(row.started_at);
    row.ended_at ? ends.append(*row.ended_at) : ends.append_null();
    counts.append(row.count);
    row.worst ? scores.append(*row.worst) : scores.append_null();
    const Place& reason = reasons_[i];
    if (reason.present) {
      reasons.append(std::string_view(bytes_).substr(reason.at, reason.length));
    } else {
      reasons.append_null();
    }
  }
  std::vector<NewColumn> columns = {{"incident", {ids.finish(), Type::text()}},
                                    {"state", {states.finish(), Type::category()}},
                                    {"severity", {severities.finish(), Type::category()}},
                                    {"time", {times.finish(), Type::timestamp()}}};
  std::vector<TypedColumn> key = key_columns(out);
  for (size_t i = 0; i < key.size(); ++i) columns.push_back({key_[i], key[i]});
  columns.push_back({"started_at", {starts.finish(), Type::timestamp()}});
  columns.push_back({"ended_at", {ends.finish(), Type::timestamp()}});
  columns.push_back({"count", {counts.finish(), Type::int64()}});
  columns.push_back({"worst_score", {scores.finish(), Type::float64()}});
  columns.push_back({"reason", {reasons.finish(), Type::text()}});
  flow_origin origin{};
  origin.size = sizeof origin;
  Batch made = out.make(rows, columns, &origin);
  rows_.clear();
  keys_.clear();
  reasons_.clear();
  bytes_.clear();
  return made;
}

}  // namespace flow::operators
