#include "operators/common/typed_column.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "flow/utf8.hpp"
#include "operators/common/json_scanner.hpp"
#include "operators/common/json_validate.hpp"
#include "operators/common/rfc3339.hpp"
#include "operators/common/text_hash.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kOwnBytes = 4096;
constexpr int64_t kMostOwnBytes = int64_t{1} << 24;

int64_t bytes_of(flow_type type, int64_t rows) {
  switch (type) {
    case FLOW_BOOL:
      return (rows + 7) / 8;
    case FLOW_CATEGORY:
      return rows * static_cast<int64_t>(sizeof(int32_t));
    case FLOW_TEXT:
    case FLOW_JSON:
      return rows * static_cast<int64_t>(sizeof(flow_view));
    default:
      return rows * static_cast<int64_t>(sizeof(int64_t));
  }
}

}  // namespace

TypedColumnBuilder::TypedColumnBuilder(DeclaredField field) : field_(std::move(field)) {}

void TypedColumnBuilder::start(Host host, int64_t rows, const flow_column* shared) {
  host_ = host;
  capacity_ = rows;
  size_ = 0;
  shared_ = shared;
  own_.clear();
  is_coded_ = field_.type == FLOW_CATEGORY;
  validity_ = host.allocate((rows + 7) / 8);
  std::memset(validity_->data, 0, static_cast<size_t>((rows + 7) / 8));
  const int64_t bytes = bytes_of(field_.type, rows);
  values_ = host.allocate(bytes);
  if (field_.type == FLOW_BOOL) std::memset(values_->data, 0, static_cast<size_t>(bytes));
}

bool TypedColumnBuilder::put(int64_t row, std::string_view text, const TextPlace& place) {
  switch (field_.type) {
    case FLOW_INT64: {
      const std::optional<int64_t> value = json_integer(text);
      if (value) put_int64(row, *value);
      return value.has_value();
    }
    case FLOW_FLOAT64: {
      const std::optional<double> value = json_number(text);
      if (value) put_float64(row, *value);
      return value.has_value();
    }
    case FLOW_BOOL: {
      const bool is_true = text == "true";
      if (!is_true && text != "false") return false;
      put_bool(row, is_true);
      return true;
    }
    case FLOW_TIMESTAMP: {
      const std::optional<int64_t> value =
          field_.format ? field_.format->parse(text) : parse_rfc3339(text);
      if (value) put_int64(row, *value);
      return value.has_value();
    }
    case FLOW_JSON:
      if (find_json_error(text)) return false;
      break;
    default:
      break;
  }
  put_text(row, text, place);
  return true;
}

void TypedColumnBuilder::put_bool(int64_t row, bool value) {
  auto& byte = static_cast<uint8_t*>(values_->data)[row >> 3];
  byte = static_cast<uint8_t>(value ? byte | mask(row) : byte & ~mask(row));
  set_valid(row);
}

void TypedColumnBuilder::put_category(int64_t row, std::string_view text) {
  const int32_t code = code_of(text);
  if (code == SharedDictionary::kNone) {
    codes_to_texts();
    put_text(row, text);
    return;
  }
  static_cast<int32_t*>(values_->data)[row] = code;
  set_valid(row);
}

int32_t TypedColumnBuilder::code_of(std::string_view text) {
  if (known_.empty()) known_.resize(kKnownCodes);
  KnownCode& known = known_[text_hash(text) % kKnownCodes];
  if (known.code == SharedDictionary::kNone || known.text != text) {
    known.text = text;
    if (is_valid_utf8(text)) {
      known.code = field_.categories->intern(host_, text);
    } else {
      // Of a row that is going to be repaired and read again: what a dictionary has once it keeps.
      std::string repaired;
      append_repaired_utf8(text, repaired);
      known.code = field_.categories->intern(host_, repaired);
    }
  }
  return known.code;
}

// The dictionary is full: what was written as codes becomes text.
void TypedColumnBuilder::codes_to_texts() {
  const Buffer codes = std::exchange(values_, host_.allocate(bytes_of(FLOW_TEXT, capacity_)));
  is_coded_ = false;
  const Column published = field_.categories->published(host_);
  const TextView texts(*published);
  for (int64_t row = 0; row < capacity_; ++row) {
    if (!is_null(row)) put_text(row, texts[static_cast<int32_t*>(codes->data)[row]]);
  }
}

flow_view TypedColumnBuilder::own_view(std::string_view text) {
  if (text.size() <= FLOW_VIEW_INLINE) return TextBuilder::view(text, 0, 0);
  if (text.size() > INT32_MAX) throw std::length_error("a text of 2 GiB or more");
  const auto bytes = static_cast<int64_t>(text.size());
  if (own_.empty() || own_used_ + bytes > own_.back()->capacity) {
    const int64_t wanted =
        own_.empty() ? kOwnBytes : std::min(own_.back()->capacity * 2, kMostOwnBytes);
    own_.push_back(host_.allocate(std::max(bytes, wanted)));
    own_used_ = 0;
  }
  char* const to = static_cast<char*>(own_.back()->data) + own_used_;
  std::memcpy(to, text.data(), text.size());
  const auto number = static_cast<int32_t>((shared_ != nullptr ? shared_->n_data : 0) +
                                           static_cast<int64_t>(own_.size()) - 1);
  const flow_view view =
      TextBuilder::view({to, text.size()}, number, static_cast<int32_t>(own_used_));
  own_used_ += bytes;
  return view;
}

// What a null row holds is zeros, as readers may look at it.
void TypedColumnBuilder::clear_nulls(int64_t rows) {
  if (field_.type == FLOW_BOOL) return;
  const flow_type type = field_.type == FLOW_CATEGORY && !is_coded_ ? FLOW_TEXT : field_.type;
  const auto width = static_cast<size_t>(bytes_of(type, 1));
  auto* const values = static_cast<char*>(values_->data);
  for (int64_t row = 0; row < rows; ++row) {
    if (is_null(row)) std::memset(values + static_cast<size_t>(row) * width, 0, width);
  }
}

flow::TypedColumn TypedColumnBuilder::finish(int64_t rows) {
  int64_t valid = 0;
  for (int64_t byte = 0; byte < rows / 8; ++byte) {
    valid += std::popcount(validity_bits()[byte]);
  }
  for (int64_t row = rows & ~int64_t{7}; row < rows; ++row) valid += is_null(row) ? 0 : 1;

  flow_column_parts parts = flow::detail::parts_of(field_.type, rows);
  parts.null_count = rows - valid;
  if (parts.null_count > 0) {
    parts.validity = validity_.get();
    clear_nulls(rows);
  }
  parts.values = values_.get();
  Type type = field_.logical_type();
  std::vector<flow_buffer*> data;
  Column dictionary;
  if (is_coded_) {
    dictionary = field_.categories->published(host_);
    parts.dictionary = dictionary.get();
  } else if (field_.type == FLOW_TEXT || field_.type == FLOW_JSON || field_.type == FLOW_CATEGORY) {
    if (field_.type == FLOW_CATEGORY) {
      type = Type::text();
      parts.type = FLOW_TEXT;
    }
    if (shared_ != nullptr) data.assign(shared_->data, shared_->data + shared_->n_data);
    for (const Buffer& buffer : own_) data.push_back(buffer.get());
    parts.data = data.data();
    parts.n_data = static_cast<int64_t>(data.size());
  }
  flow::TypedColumn column{host_.column(parts), type};
  validity_ = Buffer();
  values_ = Buffer();
  own_.clear();
  shared_ = nullptr;
  return column;
}

}  // namespace flow::operators
