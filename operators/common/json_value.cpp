#include "operators/common/json_value.hpp"

#include <array>

#include "operators/common/json_writer.hpp"
#include "operators/common/rfc3339.hpp"

namespace flow::operators {
namespace {

template <class Write>
void append_bounded(std::string& out, size_t most, Write write) {
  const size_t before = out.size();
  out.resize(before + most + static_cast<size_t>(kWriteSlack));
  const char* const end = write(out.data() + before);
  out.resize(static_cast<size_t>(end - out.data()));
}

void append_string(std::string_view text, std::string& out) {
  out += '"';
  append_bounded(out, text.size() * static_cast<size_t>(kEscapeExpansion),
                 [&](char* at) { return write_escaped(at, text); });
  out += '"';
}

void append_struct(const flow_field& field, const flow_column& column, int64_t row,
                   std::string& out) {
  out += '{';
  bool first = true;
  for (uint32_t i = 0; i < field.n_children; ++i) {
    const flow_column& child = *column.children[i];
    if (Validity(child).is_null(row)) continue;
    if (!first) out += ',';
    first = false;
    append_string(field.children[i]->name, out);
    out += ':';
    append_json_value(*field.children[i], child, row, out);
  }
  out += '}';
}

void append_list(const flow_field& field, const flow_column& column, int64_t row,
                 std::string& out) {
  const ListView list(column);
  out += '[';
  for (int64_t i = list.begin(row); i < list.end(row); ++i) {
    if (i > list.begin(row)) out += ',';
    append_json_value(*field.children[0], list.elements(), i, out);
  }
  out += ']';
}

}  // namespace

void append_json_value(const flow_field& field, const flow_column& column, int64_t row,
                       std::string& out) {
  if (Validity(column).is_null(row)) {
    out += "null";
    return;
  }
  constexpr auto kNumber = static_cast<size_t>(kNumberBytes);
  switch (column.type) {
    case FLOW_BOOL:
      out += BoolView(column)[row] ? "true" : "false";
      break;
    case FLOW_INT64:
      append_bounded(out, kNumber,
                     [&](char* at) { return write_int64(at, Int64View(column)[row]); });
      break;
    case FLOW_FLOAT64:
      append_bounded(out, kNumber,
                     [&](char* at) { return write_double(at, Float64View(column)[row]); });
      break;
    case FLOW_TIMESTAMP: {
      std::array<char, kRfc3339Bytes> text;
      const char* const end = format_rfc3339(Int64View(column)[row], text.data());
      out += '"';
      out.append(text.data(), static_cast<size_t>(end - text.data()));
      out += '"';
      break;
    }
    case FLOW_BINARY: {
      const std::string_view bytes = TextView(column)[row];
      out += '"';
      append_bounded(out, (bytes.size() + 2) / 3 * 4,
                     [&](char* at) { return write_base64(at, bytes); });
      out += '"';
      break;
    }
    case FLOW_JSON:
      out.append(TextView(column)[row]);
      break;
    case FLOW_STRUCT:
      append_struct(field, column, row, out);
      break;
    case FLOW_LIST:
      append_list(field, column, row, out);
      break;
    default:
      append_string(AnyTextView(column)[row], out);
  }
}

}  // namespace flow::operators
