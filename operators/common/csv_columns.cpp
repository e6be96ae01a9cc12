#include "operators/common/csv_columns.hpp"

#include <algorithm>
#include <cstring>

#include "operators/common/utf8_text.hpp"
#include "operators/common/view_column.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kReadable = 16;

Buffer buffer_of(Host host, std::string_view text) {
  if (text.empty()) return {};
  Buffer buffer = host.allocate(static_cast<int64_t>(text.size()));
  std::memcpy(buffer->data, text.data(), text.size());
  return buffer;
}

}  // namespace

void CsvColumns::set_names(std::vector<std::string> names) {
  names_ = std::move(names);
  typed_.clear();
  missing_.clear();
  for (const std::string& name : names_) {
    const DeclaredField* declared = declared_.find(name);
    typed_.emplace_back();
    if (declared != nullptr && declared->type != FLOW_TEXT) typed_.back().emplace(*declared);
  }
  for (const DeclaredField& field : declared_.fields()) {
    if (std::find(names_.begin(), names_.end(), field.name) == names_.end()) {
      missing_.emplace_back(field);
    }
  }
}

std::vector<std::string> CsvColumns::missing() const {
  std::vector<std::string> names;
  names.reserve(missing_.size());
  for (const TypedColumnBuilder& column : missing_) names.push_back(column.field().name);
  return names;
}

Fields CsvColumns::fields(const DeclaredSchema& declared, const std::vector<std::string>& names) {
  Fields fields;
  for (const std::string& name : names) {
    const DeclaredField* field = declared.find(name);
    fields.emplace_back(name, field != nullptr ? field->logical_type() : Type::text());
  }
  for (const DeclaredField& field : declared.fields()) {
    if (std::find(names.begin(), names.end(), field.name) == names.end()) {
      fields.emplace_back(field.name, field.logical_type());
    }
  }
  return fields;
}

bool CsvColumns::is_null(const CsvCell& cell, std::string_view text) const {
  if (null_text_.empty()) return cell.length == 0 && !cell.is_own();
  return text == null_text_;
}

flow::TypedColumn CsvColumns::build_text(Host host, const CsvRows& rows, size_t column,
                                         const flow_column& shared, const Buffer& own) const {
  const size_t width = names_.size();
  const Buffer values = host.allocate(rows.count * static_cast<int64_t>(sizeof(flow_view)));
  auto* const views = static_cast<flow_view*>(values->data);
  flow::detail::ValidityBuilder validity(host, rows.count);
  const CsvCell* cell = rows.cells + column;
  const auto own_number = static_cast<int32_t>(shared.n_data);
  for (int64_t row = 0; row < rows.count; ++row, cell += width) {
    const CsvPlace& place = rows.places[row];
    if (cell->is_own()) [[unlikely]] {
      const std::string_view text = text_of(*cell, place, rows.own);
      if (is_null(*cell, text)) {
        views[row] = flow_view{};
        validity.set_null(row);
      } else {
        views[row] = TextBuilder::view(text, own_number, cell->own_begin());
      }
      continue;
    }
    const std::string_view text(place.base + cell->begin, static_cast<size_t>(cell->length));
    if (cell->begin + kReadable <= place.capacity) {
      write_readable_view(views[row], text, place.buffer, cell->begin);
    } else {
      views[row] = TextBuilder::view(text, place.buffer, cell->begin);
    }
    if (is_null(*cell, text)) {
      views[row] = flow_view{};
      validity.set_null(row);
    }
  }
  flow_column_parts parts = flow::detail::parts_of(FLOW_TEXT, rows.count);
  validity.fill(parts);
  parts.values = values.get();
  std::vector<flow_buffer*> data(shared.data, shared.data + shared.n_data);
  if (own) data.push_back(own.get());
  parts.data = data.data();
  parts.n_data = static_cast<int64_t>(data.size());
  return {host.column(parts), Type::text()};
}

flow::TypedColumn CsvColumns::build_typed(Host host, const CsvRows& rows, size_t column,
                                          const flow_column& shared, std::vector<BadValue>& bad) {
  const size_t width = names_.size();
  TypedColumnBuilder& builder = *typed_[column];
  builder.start(host, rows.count, &shared);
  const CsvCell* cell = rows.cells + column;
  for (int64_t row = 0; row < rows.count; ++row, cell += width) {
    const CsvPlace& place = rows.places[row];
    const std::string_view text = text_of(*cell, place, rows.own);
    const bool is_absent =
        is_null(*cell, text) || (text.empty() && builder.field().type != FLOW_CATEGORY);
    if (is_absent) {
      builder.put_null(row);
      continue;
    }
    TextPlace within;
    if (!cell->is_own()) {
      within = {place.base, place.buffer, 0, cell->begin + kReadable <= place.capacity};
    }
    if (!builder.put(row, text, within)) {
      builder.put_null(row);
      bad.push_back({row, column});
    }
  }
  return builder.finish(rows.count);
}

std::vector<NewColumn> CsvColumns::build(Host host, const CsvRows& rows, const flow_column& shared,
                                         std::vector<BadValue>& bad) {
  bad.clear();
  const Buffer own = buffer_of(host, rows.own);
  std::vector<NewColumn> columns;
  columns.reserve(names_.size() + missing_.size());
  for (size_t column = 0; column < names_.size(); ++column) {
    columns.push_back({names_[column], typed_[column]
                                           ? build_typed(host, rows, column, shared, bad)
                                           : build_text(host, rows, column, shared, own)});
  }
  for (TypedColumnBuilder& column : missing_) {
    column.start(host, rows.count, &shared);
    for (int64_t row = 0; row < rows.count; ++row) column.put_null(row);
    columns.push_back({column.field().name, column.finish(rows.count)});
  }
  std::stable_sort(bad.begin(), bad.end(),
                   [](const BadValue& a, const BadValue& b) { return a.row < b.row; });
  bad.erase(std::unique(bad.begin(), bad.end(),
                        [](const BadValue& a, const BadValue& b) { return a.row == b.row; }),
            bad.end());
  return columns;
}

std::string CsvColumns::complaint(size_t column, std::string_view text) const {
  return "field '" + names_[column] + "': " + beginning(text) + " is no " +
         std::string(type_name(typed_[column]->field().type));
}

}  // namespace flow::operators
