#include "operators/codecs/json_encoder.hpp"

#include <algorithm>

#include "operators/common/rfc3339.hpp"

namespace flow::operators {
namespace {

// Views have 31 bits for an offset: a batch is cut behind the row that passes half of them.
constexpr int64_t kCutBytes = int64_t{1} << 30;
// What a value of fixed size needs, its key aside.
constexpr int64_t kFixedBytes = 2 * kWriteSlack + kNumberBytes;

std::string_view text_of(const flow_view& view, const void* const* buffers) {
  const char* text = view.length <= FLOW_VIEW_INLINE
                         ? view.prefix
                         : static_cast<const char*>(buffers[view.buffer]) + view.offset;
  return {text, static_cast<size_t>(view.length)};
}

}  // namespace

void JsonEncoder::CategoryTexts::follow(const flow_column& dictionary) {
  const auto rows = static_cast<size_t>(dictionary.array->length);
  if (dictionary_.get() == &dictionary) return;
  const bool grown = dictionary_ &&
                     dictionary_->array->buffers[1] == dictionary.array->buffers[1] &&
                     dictionary_->array->offset == dictionary.array->offset;
  if (!grown) {
    entries_.clear();
    used_ = 0;
  }
  if (rows > entries_.size()) entries_.resize(rows);
  dictionary_ = Column(Reference<const flow_column>::share(&dictionary));
}

std::string_view JsonEncoder::CategoryTexts::render(const std::string& key, int32_t code) {
  const TextView texts(*dictionary_);
  const std::string_view text = texts[code];
  const size_t needed =
      used_ + key.size() + text.size() * kEscapeExpansion + kWriteSlack + kReadAhead;
  if (bytes_.size() < needed) bytes_.resize(std::max(needed, bytes_.size() * 2));
  char* const begin = bytes_.data() + used_;
  const size_t key_size = key.size() - kReadAhead;  // with its quote
  std::copy_n(key.data(), key_size, begin);
  char* out = begin + key_size;
  out = write_escaped(out, text);
  *out++ = '"';
  const auto length = static_cast<size_t>(out - begin);
  entries_[static_cast<size_t>(code)] = {static_cast<uint32_t>(used_),
                                         static_cast<uint32_t>(length)};
  used_ += length;
  return {begin, length};
}

void JsonEncoder::plan(const flow_field& source, Field& field) {
  field.type = source.type;
  field.key = "," + json_quoted(source.name) + ":";
  field.key_size = field.key.size();
  field.key += '"';
  field.key.append(kReadAhead, '\0');
  field.reserve = static_cast<int64_t>(field.key_size) + kFixedBytes;
  field.children.resize(source.n_children);
  for (uint32_t i = 0; i < source.n_children; ++i) {
    plan(*source.children[i], field.children[i]);
  }
  const auto is_number = [](const Field& child) {
    return child.type == FLOW_FLOAT64 || child.type == FLOW_INT64;
  };
  if (field.type == FLOW_TEXT) {
    field.form = Form::kText;
  } else if (field.type == FLOW_CATEGORY) {
    field.form = Form::kCategory;
  } else if (field.type == FLOW_STRUCT && field.children.size() <= NumberObjects::kNumbers &&
             std::all_of(field.children.begin(), field.children.end(), is_number)) {
    field.form = Form::kNumberObject;
    field.objects.prepare();
  }
}

void JsonEncoder::bind(const flow_column& column, Field& field) {
  const ArrowArray& array = *column.array;
  field.column = &column;
  field.validity = array.null_count == 0 ? nullptr : static_cast<const uint8_t*>(array.buffers[0]);
  field.offset = array.offset;
  const auto behind = [&](int64_t width) {
    return static_cast<const char*>(array.buffers[1]) + array.offset * width;
  };
  switch (column.type) {
    case FLOW_BOOL:
      field.values = array.buffers[1];
      break;
    case FLOW_INT64:
    case FLOW_FLOAT64:
    case FLOW_TIMESTAMP:
      field.values = behind(sizeof(int64_t));
      break;
    case FLOW_TEXT:
    case FLOW_BINARY:
    case FLOW_JSON:
      field.values = behind(sizeof(flow_view));
      field.buffers = array.buffers + 2;
      field.regions.clear();
      field.regions.push_back(
          {behind(sizeof(flow_view)),
           behind(sizeof(flow_view)) + array.length * int64_t{sizeof(flow_view)}});
      for (int64_t i = 0; i < column.n_data; ++i) {
        const auto* begin = static_cast<const char*>(field.buffers[i]);
        field.regions.push_back({begin, begin + column.data[i]->capacity});
      }
      break;
    case FLOW_CATEGORY:
      field.values = behind(sizeof(int32_t));
      field.texts.follow(*column.dictionary);
      break;
    case FLOW_LIST:
      field.values = behind(sizeof(int32_t));
      break;
    default:
      break;
  }
  for (size_t i = 0; i < field.children.size(); ++i) bind(*column.children[i], field.children[i]);
}

char* JsonEncoder::grow(char* out, int64_t bytes) {
  const auto* const base = static_cast<const char*>(buffer_->data);
  const int64_t used = out - base;
  Buffer larger = host_->allocate(used + used / 2 + bytes + kWriteSlack);
  std::memcpy(larger->data, base, static_cast<size_t>(used));
  buffer_ = std::move(larger);
  limit_ = static_cast<char*>(buffer_->data) + buffer_->capacity;
  return static_cast<char*>(buffer_->data) + used;
}

char* JsonEncoder::write_text(char* out, const flow_view& view, const void* const* buffers) {
  *out++ = '"';
  out = write_escaped(out, text_of(view, buffers));
  *out++ = '"';
  return out;
}

// Verbatim, but for line ends between its parts, which would end the document.
char* JsonEncoder::write_token(char* out, std::string_view token) {
  if (token.empty()) token = "null";
  std::memcpy(out, token.data(), token.size());
  char* const end = out + token.size();
  for (char* at = out; (at = static_cast<char*>(
                            std::memchr(at, '\n', static_cast<size_t>(end - at)))) != nullptr;) {
    *at = ' ';
  }
  return end;
}

// The caller has made room for a value of fixed size; others ask for themselves.
char* JsonEncoder::write_value(char* out, Field& field, int64_t row) {
  switch (field.type) {
    case FLOW_TEXT: {
      const auto& view = static_cast<const flow_view*>(field.values)[row];
      out = room(out, view.length * kEscapeExpansion + kFixedBytes);
      return write_text(out, view, field.buffers);
    }
    case FLOW_CATEGORY: {
      const TextView texts(*field.column->dictionary);
      const flow_view& view = texts.views()[field.at<int32_t>(row)];
      out = room(out, view.length * kEscapeExpansion + kFixedBytes);
      return write_text(out, view, field.column->dictionary->array->buffers + 2);
    }
    case FLOW_JSON: {
      const auto& view = static_cast<const flow_view*>(field.values)[row];
      out = room(out, view.length + kFixedBytes);
      return write_token(out, text_of(view, field.buffers));
    }
    case FLOW_BINARY: {
      const auto& view = static_cast<const flow_view*>(field.values)[row];
      out = room(out, int64_t{view.length} / 3 * 4 + kFixedBytes);
      *out++ = '"';
      out = write_base64(out, text_of(view, field.buffers));
      *out++ = '"';
      return out;
    }
    case FLOW_INT64:
      return write_int64(out, field.at<int64_t>(row));
    case FLOW_FLOAT64:
      return doubles_.write(out, field.at<double>(row));
    case FLOW_TIMESTAMP:
      *out++ = '"';
      out = format_rfc3339(field.at<int64_t>(row), out);
      *out++ = '"';
      return out;
    case FLOW_BOOL: {
      const int64_t bit = field.offset + row;
      const bool value =
          (static_cast<const uint8_t*>(field.values)[bit >> 3] >> (bit & 7) & 1) != 0;
      std::memcpy(out, value ? "true" : "false", 5);
      return out + (value ? 4 : 5);
    }
    case FLOW_STRUCT:
      return write_nested(out, field, row);
    case FLOW_LIST: {
      Field& element = field.children.front();
      const auto* offsets = static_cast<const int32_t*>(field.values);
      *out++ = '[';
      for (int32_t at = offsets[row]; at < offsets[row + 1]; ++at) {
        out = room(out, kFixedBytes);
        if (at > offsets[row]) *out++ = ',';
        if (element.is_null(at)) {
          std::copy_n("null", 4, out);
          out += 4;
        } else {
          out = write_value(out, element, at);
        }
      }
      out = room(out, kFixedBytes);
      *out++ = ']';
      return out;
    }
    default:
      throw Failure("json: a column of an unknown type cannot be encoded");
  }
}

// Which region a text is in is chosen without a branch: nobody can foresee whether the next address
// or page name has more than 12 bytes.
template <class Copy>
[[gnu::always_inline]] inline char* JsonEncoder::write_text_field(char* out, const Field& field,
                                                                  int64_t row) {
  const auto& view = static_cast<const flow_view*>(field.values)[row];
  const auto size = static_cast<size_t>(view.length);
  const bool is_inline = view.length <= FLOW_VIEW_INLINE;
  const Region& region = field.regions[is_inline ? 0 : static_cast<size_t>(view.buffer) + 1];
  const char* const text =
      region.begin + (is_inline ? row * int64_t{sizeof view} + 4 : int64_t{view.offset});
  out = room(out, view.length * kEscapeExpansion + field.reserve);
  out = copy_short(out, field.key.data(), field.key_size + 1);
  if (region.end - text >= view.length + kReadAhead) [[likely]] {
    out = write_escaped_ahead<Copy>(out, text, size);
  } else {
    out = write_escaped(out, {text, size});
  }
  *out++ = '"';
  return out;
}

inline char* JsonEncoder::write_number_object(char* out, Field& field, int64_t row) {
  for (const Field& child : field.children) {
    if (child.is_null(row)) return write_other(out, field, row);
  }
  const NumberObjects::Bits bits = number_bits(field, row);
  const NumberObjects::Entry* const known = field.objects.find(bits);
  if (known == nullptr) return write_new_number_object(out, field, row, bits);
  out = room(out, field.reserve);
  out = copy_short(out, field.key.data(), field.key_size);
  std::memcpy(out, known->text.data(), known->text.size());
  return out + known->length;
}

char* JsonEncoder::write_new_number_object(char* out, Field& field, int64_t row,
                                           const NumberObjects::Bits& bits) {
  const int64_t begin =
      out - static_cast<char*>(buffer_->data) + static_cast<int64_t>(field.key_size);
  out = write_other(out, field, row);
  const char* const text = static_cast<char*>(buffer_->data) + begin;
  field.objects.put(bits, {text, static_cast<size_t>(out - text)});
  return out;
}

char* JsonEncoder::write_other(char* out, Field& field, int64_t row) {
  out = room(out, field.reserve);
  out = copy_short(out, field.key.data(), field.key_size);
  return write_value(out, field, row);
}

template <class Copy>
[[gnu::always_inline]] inline char* JsonEncoder::write_field(char* out, Field& field, int64_t row) {
  if (field.is_null(row)) {
    if (!write_nulls_) return out;
    out = room(out, field.reserve);
    out = copy_short(out, field.key.data(), field.key_size);
    std::copy_n("null", 4, out);
    return out + 4;
  }
  switch (field.form) {
    case Form::kText:
      return write_text_field<Copy>(out, field, row);
    case Form::kCategory: {
      const std::string_view fragment = field.texts.fragment(field.key, field.at<int32_t>(row));
      out = room(out, static_cast<int64_t>(fragment.size()) + kFixedBytes);
      return copy_short(out, fragment.data(), fragment.size());
    }
    case Form::kNumberObject:
      return write_number_object(out, field, row);
    default:
      return write_other(out, field, row);
  }
}

// Each field begins with a comma; the first one's becomes the brace.
template <class Copy>
[[gnu::always_inline]] inline char* JsonEncoder::write_object(char* out, std::vector<Field>& fields,
                                                              int64_t row) {
  const int64_t begin = out - static_cast<char*>(buffer_->data);
  for (Field& field : fields) out = write_field<Copy>(out, field, row);
  out = room(out, kFixedBytes);
  char* const first = static_cast<char*>(buffer_->data) + begin;
  if (out == first) ++out;
  *first = '{';
  *out++ = '}';
  return out;
}

char* JsonEncoder::write_nested(char* out, Field& field, int64_t row) {
  return write_object<PlainCopy>(out, field.children, row);
}

void JsonEncoder::prefetch(int64_t first, int64_t end) {
  for (Field* const field : far_) {
    for (int64_t row = first; row < end; ++row) {
      if (field->is_null(row)) continue;
      if (field->form == Form::kCategory) {
        field->texts.prefetch(field->at<int32_t>(row));
      } else {
        field->objects.prefetch(number_bits(*field, row));
      }
    }
  }
}

// A null's are of no number in particular.
JsonEncoder::NumberObjects::Bits JsonEncoder::number_bits(const Field& field, int64_t row) {
  NumberObjects::Bits bits{};
  for (size_t i = 0; i < field.children.size(); ++i) bits[i] = field.children[i].at<uint64_t>(row);
  return bits;
}

template <class Copy>
[[gnu::always_inline]] inline int64_t JsonEncoder::write_rows(int64_t first, int64_t end,
                                                              bool delimited, flow_view* view) {
  constexpr int64_t kAhead = 16;
  prefetch(first, std::min(first + kAhead, end));
  char* at = static_cast<char*>(buffer_->data);
  int64_t begin = 0;
  int64_t row = first;
  for (; row < end && begin < kCutBytes; ++row) {
    if ((row - first) % kAhead == 0) {
      prefetch(std::min(row + kAhead, end), std::min(row + 2 * kAhead, end));
    }
    at = write_object<Copy>(at, fields_, row);
    *at = '\n';
    at += delimited ? 1 : 0;
    const auto* const base = static_cast<const char*>(buffer_->data);
    const int64_t stop = at - base;
    if (stop > INT32_MAX) {
      throw Failure("json: a document of more than a gigabyte; drop the field that makes it so");
    }
    // Reading the document's first bytes back would wait for all of it to be stored.
    if (stop - begin > FLOW_VIEW_INLINE && !fields_.front().is_null(row)) {
      view->length = static_cast<int32_t>(stop - begin);
      std::memcpy(view->prefix, prefix_.data(), prefix_.size());
      view->buffer = 0;
      view->offset = static_cast<int32_t>(begin);
    } else {
      *view = TextBuilder::view({base + begin, static_cast<size_t>(stop - begin)}, 0,
                                static_cast<int32_t>(begin));
    }
    ++view;
    begin = stop;
  }
  used_ = begin;
  return row - first;
}

#if defined(__SSSE3__)
FLOW_AVX2 int64_t JsonEncoder::write_rows_avx2(int64_t first, int64_t end, bool delimited,
                                               flow_view* view) {
  return write_rows<Avx2Copy>(first, end, delimited, view);
}
#endif

int64_t JsonEncoder::encode_from(const Batch& in, int64_t first, bool delimited, Output& out) {
  const int64_t wanted = in.rows() - first;
  const auto estimate = static_cast<int64_t>(bytes_per_row_ * 1.0625 * static_cast<double>(wanted));
  buffer_ = out.allocate(std::min(estimate, kCutBytes) + 4096);
  limit_ = static_cast<char*>(buffer_->data) + buffer_->capacity;
  const Buffer views = out.allocate(wanted * static_cast<int64_t>(sizeof(flow_view)));
  auto* const view = static_cast<flow_view*>(views->data);
#if defined(__SSSE3__)
  static const bool kAvx2 = Avx2Copy::is_supported();
  const int64_t rows = kAvx2 ? write_rows_avx2(first, in.rows(), delimited, view)
                             : write_rows<PlainCopy>(first, in.rows(), delimited, view);
#else
  const int64_t rows = write_rows<PlainCopy>(first, in.rows(), delimited, view);
#endif
  bytes_per_row_ = static_cast<double>(used_) / static_cast<double>(rows);

  flow_buffer* data = buffer_.get();
  flow_column_parts parts{};
  parts.size = sizeof parts;
  parts.type = FLOW_BINARY;
  parts.rows = rows;
  parts.values = views.get();
  parts.data = &data;
  parts.n_data = 1;
  const Column bytes = out.column(parts);
  const Batch source = rows == in.rows() ? in : out.slice(in, first, rows);
  buffer_ = Buffer();
  out.emit(out.make(rows, {{"bytes", {bytes, Type::binary()}}}, &source.origin()));
  return rows;
}

void JsonEncoder::encode(const Batch& in, bool delimited, Output& out) {
  if (&in.schema() != schema_.get()) {
    schema_ = Reference<const flow_schema>::share(&in.schema());
    fields_ = std::vector<Field>(in.column_count());
    for (uint32_t i = 0; i < in.column_count(); ++i) plan(*in.schema().fields[i], fields_[i]);
    if (!fields_.empty()) {
      prefix_ = {'{'};
      std::copy_n(fields_.front().key.begin() + 1, prefix_.size() - 1, prefix_.begin() + 1);
    }
  }
  far_.clear();
  for (uint32_t i = 0; i < in.column_count(); ++i) {
    bind(in.column(i), fields_[i]);
    const Field& field = fields_[i];
    if (field.form == Form::kNumberObject ||
        (field.form == Form::kCategory && field.texts.is_large())) {
      far_.push_back(&fields_[i]);
    }
  }
  host_ = &out;
  for (int64_t row = 0; row < in.rows();) row += encode_from(in, row, delimited, out);
}

}  // namespace flow::operators
