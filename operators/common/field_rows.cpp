#include "operators/common/field_rows.hpp"

#include <algorithm>
#include <utility>

#include "operators/common/nearest_name.hpp"
#include "operators/common/utf8_text.hpp"

namespace flow::operators {

std::vector<DeclaredField> declared_fields(const std::vector<std::string>& names,
                                           const DeclaredSchema& schema) {
  for (const DeclaredField& field : schema.fields()) {
    if (std::find(names.begin(), names.end(), field.name) != names.end()) continue;
    const std::string nearest = nearest_name(names, field.name);
    throw OptionFailure("schema", "there is no field '" + field.name + "'",
                        nearest.empty() ? "" : "did you mean '" + nearest + "'?", -1, field.name);
  }
  std::vector<DeclaredField> fields;
  for (const std::string& name : names) {
    const DeclaredField* const declared = schema.find(name);
    fields.push_back(declared != nullptr ? *declared : DeclaredField{name, FLOW_TEXT, {}, {}});
  }
  return fields;
}

FieldRows::FieldRows(const std::vector<DeclaredField>& fields, Undeclared undeclared,
                     int64_t max_fields)
    : fixed_(fields.size()),
      undeclared_(undeclared),
      max_fields_(static_cast<size_t>(max_fields)),
      most_columns_(static_cast<size_t>(most_columns(max_fields))),
      known_at_row_(fields.size()),
      counted_fields_(fields.size()) {
  for (const DeclaredField& field : fields) {
    by_name_.emplace(field.name, columns_.size());
    columns_.emplace_back(field);
  }
}

void FieldRows::start(Host host, int64_t rows, const flow_column& texts) {
  host_ = host;
  capacity_ = rows;
  texts_ = &texts;
  row_ = 0;
  expected_ = 0;
  while (columns_.size() > fixed_) remove_last();
  known_at_row_ = fixed_;
  begin_count();
  for (TypedColumnBuilder& column : columns_) column.start(host, rows, &texts);
}

void FieldRows::remove_last() {
  by_name_.erase(columns_.back().field().name);
  columns_.pop_back();
  counted_in_.pop_back();
}

size_t FieldRows::find(std::string_view name) {
  if (expected_ < columns_.size() && columns_[expected_].field().name == name) {
    return expected_++;
  }
  name_ = name;
  if (const auto known = by_name_.find(name_); known != by_name_.end()) {
    expected_ = known->second + 1;
    return known->second;
  }
  return kNone;
}

FieldRows::Result FieldRows::put(std::string_view name, std::string_view text,
                                 const TextPlace& place) {
  if (expected_ >= columns_.size()) expected_ = 0;
  const size_t known = find(name);
  if (known != kNone) {
    if (known >= fixed_ && count(known) != Result::kDone) return Result::kTooManyFields;
    return put(known, text, place);
  }
  if (undeclared_ == Undeclared::kDrop) return Result::kDone;
  if (counted_fields_ >= max_fields_) return Result::kTooManyFields;
  if (columns_.size() >= most_columns_) return Result::kFull;
  ++counted_fields_;
  counted_in_.push_back(reading_);
  by_name_.emplace(name_, columns_.size());
  columns_.emplace_back(DeclaredField{name_, FLOW_TEXT, {}, {}});
  expected_ = columns_.size();
  columns_.back().start(host_, capacity_, texts_);
  columns_.back().put_text(row_, text, place);
  return Result::kDone;
}

// Counts a field that is not fixed, once a row.
FieldRows::Result FieldRows::count(size_t column) {
  uint64_t& counted_in = counted_in_[column - fixed_];
  if (counted_in == reading_) return Result::kDone;
  if (counted_fields_ >= max_fields_) return Result::kTooManyFields;
  counted_in = reading_;
  ++counted_fields_;
  return Result::kDone;
}

void FieldRows::forget_row() {
  while (columns_.size() > known_at_row_) remove_last();
  begin_count();
  // A row beyond the batch's last is never looked at.
  if (row_ >= capacity_) return;
  for (TypedColumnBuilder& column : columns_) column.put_null(row_);
}

const char* FieldRows::reason(Result result) {
  if (result == Result::kFull) return kBatchFull;
  return result == Result::kBadType ? "bad_type" : "too_many_fields";
}

std::string FieldRows::complaint(Result result, std::string_view name,
                                 std::string_view text) const {
  std::string message = "field '";
  message.append(beginning(name)).append("'");
  if (result == Result::kTooManyFields) {
    return message.append(" would be one more than max_fields of a row, which is ")
        .append(std::to_string(max_fields_))
        .append("; raise it");
  }
  return message.append(": ")
      .append(beginning(text))
      .append(" is no ")
      .append(type_name(columns_[bad_].field().type));
}

std::vector<NewColumn> FieldRows::finish() {
  std::vector<NewColumn> made;
  made.reserve(columns_.size());
  for (TypedColumnBuilder& column : columns_) {
    made.push_back({column.field().name, column.finish(row_)});
  }
  return made;
}

Fields FieldRows::certain_fields() const {
  Fields fields;
  for (size_t i = 0; i < fixed_; ++i) {
    fields.emplace_back(columns_[i].field().name, columns_[i].field().logical_type());
  }
  return fields;
}

}  // namespace flow::operators
