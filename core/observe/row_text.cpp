#include "core/observe/row_text.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "core/observe/text.hpp"
#include "flow/utf8.hpp"

namespace flowrun {
namespace {

bool is_null(const flow_column& column, std::int64_t row) {
  return flow::Validity(column).is_null(row);
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append_list(std::string& out, const flow_column& column, const flow_field& field,
                 std::int64_t row) {
  const auto* offsets =
      static_cast<const std::int32_t*>(column.array->buffers[1]) + column.array->offset;
  out += '[';
  for (std::int32_t item = offsets[row]; item < offsets[row + 1]; ++item) {
    if (item > offsets[row]) out += ',';
    append_json(out, *column.children[0], *field.children[0], item);
  }
  out += ']';
}

void append_struct(std::string& out, const flow_column& column, const flow_field& field,
                   std::int64_t row) {
  out += '{';
  for (std::uint32_t i = 0; i < field.n_children; ++i) {
    if (i > 0) out += ',';
    append_json_string(out, field.children[i]->name);
    out += ':';
    append_json(out, *column.children[i], *field.children[i], row);
  }
  out += '}';
}

void pad(std::string& line, std::size_t count, char with = ' ') { line.append(count, with); }

void append_types(std::string& text, const flow_field* const* fields, std::uint32_t n_fields) {
  for (std::uint32_t i = 0; i < n_fields; ++i) {
    if (i > 0) text += ", ";
    text.append(fields[i]->name).append(" ").append(type_text(*fields[i]));
  }
}

}  // namespace

std::string timestamp_text(std::int64_t nanoseconds) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace): calendar words
  const sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds(nanoseconds)};
  const sys_days day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  char text[64];
  const int length = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  std::string result(text, static_cast<std::size_t>(length));
  if (const auto fraction = clock.subseconds().count(); fraction != 0) {
    std::snprintf(text, sizeof text, ".%09d", static_cast<int>(fraction));
    std::string_view digits = text;
    while (digits.back() == '0') digits.remove_suffix(1);
    result += digits;
  }
  return result + 'Z';
}

void append_json(std::string& out, const flow_column& column, const flow_field& field,
                 std::int64_t row) {
  if (is_null(column, row)) {
    out += "null";
    return;
  }
  switch (field.type) {
    case FLOW_BOOL:
      out += flow::BoolView(column)[row] ? "true" : "false";
      break;
    case FLOW_INT64:
      out += std::to_string(flow::Int64View(column)[row]);
      break;
    case FLOW_FLOAT64:
      append_number(out, flow::Float64View(column)[row]);
      break;
    case FLOW_TIMESTAMP:
      out.append("\"").append(timestamp_text(flow::Int64View(column)[row])).append("\"");
      break;
    case FLOW_JSON:
      flow::append_repaired_utf8(flow::TextView(column)[row], out);
      break;
    case FLOW_LIST:
      append_list(out, column, field, row);
      break;
    case FLOW_STRUCT:
      append_struct(out, column, field, row);
      break;
    default:
      append_json_string(out, flow::AnyTextView(column)[row]);
      break;
  }
}

std::string row_json(const flow_batch& batch, std::int64_t row) {
  std::string text = "{";
  for (std::uint32_t i = 0; i < batch.schema->n_fields; ++i) {
    if (i > 0) text += ',';
    append_json_string(text, batch.schema->fields[i]->name);
    text += ':';
    append_json(text, *batch.columns[i], *batch.schema->fields[i], row);
  }
  return text + '}';
}

std::string type_text(const flow_field& field) {
  std::string text(flow::type_name(field.type));
  if (field.n_children == 0) return text;
  text += '<';
  if (field.type == FLOW_LIST) {
    text += type_text(*field.children[0]);
  } else {
    append_types(text, field.children, field.n_children);
  }
  return text + '>';
}

RowTable::Cell RowTable::cell(const flow_column& column, const flow_field& field,
                              std::int64_t row) const {
  std::string text;
  const bool plain = field.type == FLOW_TEXT || field.type == FLOW_CATEGORY ||
                     field.type == FLOW_BINARY || field.type == FLOW_TIMESTAMP;
  std::string raw;
  if (is_null(column, row)) {
    raw = "null";
  } else if (!plain) {
    append_json(raw, column, field, row);
  } else if (field.type == FLOW_TIMESTAMP) {
    raw = timestamp_text(flow::Int64View(column)[row]);
  } else {
    // More than this is not shown anyway: what is left of a huge value costs nothing.
    raw = flow::AnyTextView(column)[row].substr(0, widest_ * 4 + 4);
  }
  append_printable(text, raw);
  std::size_t n = flow::utf8_length(text);
  if (n > widest_) {
    std::size_t keep = 0;
    for (std::size_t seen = 0; keep < text.size(); ++keep) {
      if (!flow::is_utf8_continuation(text[keep]) && ++seen == widest_) break;
    }
    text.resize(keep);
    text += "\xE2\x80\xA6";
    n = widest_;
  }
  return {std::move(text), n};
}

void RowTable::add(const flow_batch& batch, std::int64_t row) {
  std::vector<Cell>& cells = rows_.emplace_back(columns_.size());
  for (std::uint32_t i = 0; i < batch.schema->n_fields; ++i) {
    const flow_field& field = *batch.schema->fields[i];
    std::size_t place = i;
    if (place >= columns_.size() || columns_[place].name != field.name) {
      place = 0;
      while (place < columns_.size() && columns_[place].name != field.name) ++place;
    }
    if (place == columns_.size()) {
      std::string type = type_text(field);
      const std::size_t width = std::max(flow::utf8_length(field.name), flow::utf8_length(type));
      const bool number = field.type == FLOW_INT64 || field.type == FLOW_FLOAT64;
      columns_.push_back({field.name, std::move(type), number, width});
      cells.emplace_back();
    }
    cells[place] = cell(*batch.columns[i], field, row);
    columns_[place].width = std::max(columns_[place].width, cells[place].second);
  }
}

std::string RowTable::to_string() const {
  std::string text;
  const auto line = [&](auto cell_of) {
    std::string cells;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Cell shown = cell_of(i);
      const std::size_t space = columns_[i].width - std::min(columns_[i].width, shown.second);
      if (i > 0) cells += "  ";
      if (columns_[i].number) pad(cells, space);
      cells += shown.first;
      if (!columns_[i].number) pad(cells, space);
    }
    cells.erase(cells.find_last_not_of(' ') + 1);
    text.append(cells).append("\n");
  };
  line([&](std::size_t i) { return Cell(columns_[i].name, flow::utf8_length(columns_[i].name)); });
  line([&](std::size_t i) { return Cell(columns_[i].type, flow::utf8_length(columns_[i].type)); });
  line([&](std::size_t i) { return Cell(std::string(columns_[i].width, '-'), columns_[i].width); });
  for (const std::vector<Cell>& row : rows_) {
    line([&](std::size_t i) { return i < row.size() ? row[i] : Cell("", 0); });
  }
  return text;
}

}  // namespace flowrun
