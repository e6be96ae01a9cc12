#include "operators/sinks/sqlite_values.hpp"

#include <array>
#include <bit>
#include <cmath>

#include "operators/common/json_value.hpp"
#include "operators/common/rfc3339.hpp"

namespace flow::operators {
namespace {

constexpr uint64_t kSign = uint64_t{1} << 63;

void append_ordered(uint64_t value, std::string& out) {
  std::array<char, 8> bytes;
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(value >> (56 - 8 * i));
  out.append(bytes.data(), bytes.size());
}

int64_t text_bytes(const flow_column& column) {
  int64_t bytes = 0;
  if (column.type == FLOW_TEXT || column.type == FLOW_BINARY || column.type == FLOW_JSON) {
    const TextView texts(column);
    for (int64_t row = 0; row < texts.size(); ++row) bytes += texts.views()[row].length;
  }
  for (int64_t i = 0; i < column.n_children; ++i) bytes += text_bytes(*column.children[i]);
  return bytes;
}

}  // namespace

std::string sqlite_time(int64_t nanoseconds) {
  std::array<char, kRfc3339Bytes> text;
  const char* const end = format_rfc3339(nanoseconds, text.data());
  std::string result(
      text.data(), static_cast<size_t>(
                       end - 1 - text.data()));  // without the Z: an end would sort behind decimals
  result[result.find('T')] = ' ';
  return result;
}

SqliteValues::SqliteValues(const flow_field& field, const flow_column& column, bool times_as_text)
    : field_(&field), column_(&column), times_as_text_(times_as_text), validity_(column) {
  if (AnyTextView::accepts(column.type)) texts_.emplace(column);
}

bool SqliteValues::is_null(int64_t row) const {
  if (validity_.is_null(row)) return true;
  if (column_->type == FLOW_JSON) return (*texts_)[row] == "null";
  return column_->type == FLOW_FLOAT64 && std::isnan(Float64View(*column_)[row]);
}

void SqliteValues::bind(SqliteStatement& statement, int parameter, int64_t row) {
  if (is_null(row)) return;
  switch (column_->type) {
    case FLOW_BOOL:
      statement.bind(parameter, int64_t{BoolView(*column_)[row]});
      break;
    case FLOW_INT64:
      statement.bind(parameter, Int64View(*column_)[row]);
      break;
    case FLOW_FLOAT64:
      statement.bind(parameter, Float64View(*column_)[row]);
      break;
    case FLOW_TIMESTAMP:
      if (!times_as_text_) {
        statement.bind(parameter, Int64View(*column_)[row]);
        break;
      }
      text_ = sqlite_time(Int64View(*column_)[row]);
      statement.bind(parameter, std::string_view(text_));
      break;
    case FLOW_BINARY:
      statement.bind_bytes(parameter, (*texts_)[row]);
      break;
    case FLOW_STRUCT:
    case FLOW_LIST:
      text_.clear();
      append_json_value(*field_, *column_, row, text_);
      statement.bind(parameter, std::string_view(text_));
      break;
    default:
      statement.bind(parameter, (*texts_)[row]);
  }
}

void SqliteValues::append_key(int64_t row, std::string& out) const {
  switch (column_->type) {
    case FLOW_BOOL:
      out += BoolView(*column_)[row] ? '\1' : '\0';
      break;
    case FLOW_INT64:
    case FLOW_TIMESTAMP:
      append_ordered(static_cast<uint64_t>(Int64View(*column_)[row]) ^ kSign, out);
      break;
    case FLOW_FLOAT64: {
      // Of both zeros the positive one.
      const auto bits = std::bit_cast<uint64_t>(Float64View(*column_)[row] + 0.0);
      append_ordered((bits & kSign) != 0 ? ~bits : bits ^ kSign, out);
      break;
    }
    case FLOW_STRUCT:
    case FLOW_LIST: {
      const size_t begin = out.size();
      append_json_value(*field_, *column_, row, out);
      append_ordered(out.size() - begin, out);
      break;
    }
    default: {
      const std::string_view text = (*texts_)[row];
      out.append(text);
      append_ordered(text.size(), out);
    }
  }
}

void SqliteValues::append_json(int64_t row, std::string& out) const {
  append_json_value(*field_, *column_, row, out);
}

int64_t SqliteValues::bytes() const { return text_bytes(*column_); }

}  // namespace flow::operators
