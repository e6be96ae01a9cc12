#include "operators/common/field_text.hpp"

#include <array>

#include "operators/common/json_text.hpp"
#include "operators/common/json_writer.hpp"
#include "operators/common/rfc3339.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

}  // namespace

bool FieldText::bind(const flow_column& column, Host host) {
  texts_.reset();
  column_ = &column;
  if (column.type == FLOW_JSON) {
    converted_ = text_of_json(host, column);
    column_ = converted_.get();
  }
  type_ = column_->type;
  validity_ = Validity(*column_);
  if (AnyTextView::accepts(type_)) texts_.emplace(*column_);
  return type_ != FLOW_STRUCT && type_ != FLOW_LIST;
}

bool FieldText::append(int64_t row, std::string& out) {
  if (validity_.is_null(row)) return false;
  std::array<char, kNumberBytes + kWriteSlack> number;
  const auto append_number = [&](const char* end) {
    out.append(number.data(), static_cast<size_t>(end - number.data()));
    return true;
  };
  switch (type_) {
    case FLOW_BOOL:
      out.append(BoolView(*column_)[row] ? "true" : "false");
      return true;
    case FLOW_INT64:
      return append_number(write_int64(number.data(), Int64View(*column_)[row]));
    case FLOW_FLOAT64:
      return append_number(write_double(number.data(), Float64View(*column_)[row]));
    case FLOW_TIMESTAMP:
      return append_time(Int64View(*column_)[row], out);
    default:
      break;
  }
  if (!texts_) return false;
  const std::string_view text = (*texts_)[row];
  if (format_ == nullptr) {
    out.append(text);
    return true;
  }
  const std::optional<int64_t> time = parse_rfc3339(text);
  return time && append_time(*time, out);
}

bool FieldText::append_time(int64_t nanoseconds, std::string& out) {
  const bool whole = format_ != nullptr && !sub_second_;
  const int64_t rest = nanoseconds % kSecond;
  const int64_t key = whole ? nanoseconds - rest - (rest < 0 ? kSecond : 0) : nanoseconds;
  if (last_time_ != key) {
    last_text_.clear();
    if (format_ != nullptr) {
      format_->format(key, last_text_);
    } else {
      std::array<char, kRfc3339Bytes> text;
      last_text_.assign(text.data(), format_rfc3339(nanoseconds, text.data()));
    }
    last_time_ = key;
  }
  out.append(last_text_);
  return true;
}

}  // namespace flow::operators
