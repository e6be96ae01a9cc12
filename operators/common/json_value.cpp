#include "operators/common/json_value.hpp"

#include <algorithm>
#include <cstring>

#include "operators/common/json_writer.hpp"
#include "operators/common/rfc3339.hpp"

namespace flow::operators {
namespace {

constexpr auto kSlack = static_cast<size_t>(kWriteSlack);

// The end of a text that grows in large steps: its bytes are made once a step, not once a value.
class TextEnd {
 public:
  explicit TextEnd(std::string& text) : text_(text), used_(text.size()) {}
  TextEnd(const TextEnd&) = delete;
  TextEnd& operator=(const TextEnd&) = delete;
  ~TextEnd() { text_.resize(used_); }

  // Room for `bytes`, and the slack of the json writers.
  char* room(size_t bytes) {
    const size_t needed = used_ + bytes + kSlack;
    if (text_.size() < needed) text_.resize(std::max(needed, 2 * used_ + 256));
    return text_.data() + used_;
  }
  // What was written up to `end`, which lies in the room that was made last.
  void advance(const char* end) { used_ = static_cast<size_t>(end - text_.data()); }

  void put(char character) {
    *room(1) = character;
    ++used_;
  }
  void put(std::string_view text) {
    std::memcpy(room(text.size()), text.data(), text.size());
    used_ += text.size();
  }

 private:
  std::string& text_;
  size_t used_;
};

void put_string(std::string_view text, TextEnd& out) {
  char* at = out.room(text.size() * static_cast<size_t>(kEscapeExpansion) + 2);
  *at++ = '"';
  at = write_escaped(at, text);
  *at++ = '"';
  out.advance(at);
}

void put_value(const flow_field& field, const flow_column& column, int64_t row, TextEnd& out);

void put_struct(const flow_field& field, const flow_column& column, int64_t row, TextEnd& out) {
  char before = '{';
  for (uint32_t i = 0; i < field.n_children; ++i) {
    const flow_column& child = *column.children[i];
    if (Validity(child).is_null(row)) continue;
    out.put(before);
    before = ',';
    put_string(field.children[i]->name, out);
    out.put(':');
    put_value(*field.children[i], child, row, out);
  }
  if (before == '{') out.put('{');
  out.put('}');
}

void put_list(const flow_field& field, const flow_column& column, int64_t row, TextEnd& out) {
  const ListView list(column);
  out.put('[');
  for (int64_t i = list.begin(row); i < list.end(row); ++i) {
    if (i > list.begin(row)) out.put(',');
    put_value(*field.children[0], list.elements(), i, out);
  }
  out.put(']');
}

void put_value(const flow_field& field, const flow_column& column, int64_t row, TextEnd& out) {
  if (Validity(column).is_null(row)) {
    out.put("null");
    return;
  }
  constexpr auto kNumber = static_cast<size_t>(kNumberBytes);
  switch (column.type) {
    case FLOW_BOOL:
      out.put(BoolView(column)[row] ? std::string_view("true") : "false");
      break;
    case FLOW_INT64:
      out.advance(write_int64(out.room(kNumber), Int64View(column)[row]));
      break;
    case FLOW_FLOAT64:
      out.advance(write_double(out.room(kNumber), Float64View(column)[row]));
      break;
    case FLOW_TIMESTAMP: {
      char* at = out.room(kRfc3339Bytes + 2);
      *at++ = '"';
      at = format_rfc3339(Int64View(column)[row], at);
      *at++ = '"';
      out.advance(at);
      break;
    }
    case FLOW_BINARY: {
      const std::string_view bytes = TextView(column)[row];
      char* at = out.room((bytes.size() + 2) / 3 * 4 + 2);
      *at++ = '"';
      at = write_base64(at, bytes);
      *at++ = '"';
      out.advance(at);
      break;
    }
    case FLOW_JSON:
      out.put(TextView(column)[row]);
      break;
    case FLOW_STRUCT:
      put_struct(field, column, row, out);
      break;
    case FLOW_LIST:
      put_list(field, column, row, out);
      break;
    default:
      put_string(AnyTextView(column)[row], out);
  }
}

}  // namespace

void append_json_value(const flow_field& field, const flow_column& column, int64_t row,
                       std::string& out) {
  TextEnd end(out);
  put_value(field, column, row, end);
}

}  // namespace flow::operators
