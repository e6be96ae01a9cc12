#include "operators/common/json_values.hpp"

#include "operators/common/json_writer.hpp"

namespace flow::operators {

bool JsonValues::accepts(flow_type type) {
  return type == FLOW_BOOL || type == FLOW_INT64 || type == FLOW_FLOAT64 || type == FLOW_TEXT ||
         type == FLOW_CATEGORY || type == FLOW_JSON;
}

JsonValues::JsonValues(const flow_column& column, size_t longest)
    : column_(column), longest_(longest), validity_(column) {
  if (AnyTextView::accepts(column.type)) texts_.emplace(column);
  bytes_.resize(longest * kEscapeExpansion + kNumberBytes + kWriteSlack);
}

JsonValues::Kind JsonValues::read(int64_t row, std::string_view& token) {
  if (validity_.is_null(row)) return Kind::kNull;
  char* const begin = bytes_.data();
  char* end = begin;
  switch (column_.type) {
    case FLOW_BOOL:
      token = BoolView(column_)[row] ? "true" : "false";
      return Kind::kValue;
    case FLOW_INT64:
      end = write_int64(begin, Int64View(column_)[row]);
      break;
    case FLOW_FLOAT64:
      end = write_double(begin, Float64View(column_)[row]);
      break;
    case FLOW_JSON:
      token = (*texts_)[row];
      if (!token.empty() && (token[0] == '{' || token[0] == '[')) return Kind::kNested;
      return token.size() > longest_ ? Kind::kTooLong : Kind::kValue;
    default: {
      const std::string_view text = (*texts_)[row];
      if (text.size() > longest_) return Kind::kTooLong;
      *end++ = '"';
      end = write_escaped(end, text);
      *end++ = '"';
    }
  }
  token = {begin, static_cast<size_t>(end - begin)};
  return token == "null" ? Kind::kNull : Kind::kValue;
}

}  // namespace flow::operators
