// Building columns. A builder writes into host buffers, sized for `rows` at the start; finish()
// makes the column. Each builder is for one column: make a new one a batch (that costs two
// allocations).
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "flow/host.hpp"

namespace flow {

// A column together with the type that a schema needs to know.
struct TypedColumn {
  Column column;
  Type type;
};

namespace detail {

// Validity bits, allocated only once a row is null.
class ValidityBuilder {
 public:
  ValidityBuilder(Host host, int64_t rows) : host_(host), rows_(rows) {}

  void set_null(int64_t row) {
    if (!bits_) {
      bits_ = host_.allocate((rows_ + 7) / 8);
      std::memset(bits_->data, 0xff, static_cast<size_t>((rows_ + 7) / 8));
    }
    auto& byte = static_cast<uint8_t*>(bits_->data)[row >> 3];
    const auto mask = static_cast<uint8_t>(1U << (row & 7));
    nulls_ += (byte & mask) != 0 ? 1 : 0;
    byte &= static_cast<uint8_t>(~mask);
  }
  void fill(flow_column_parts& parts) const {
    parts.validity = bits_.get();
    parts.null_count = nulls_;
  }
  bool is_null(int64_t row) const {
    return bits_ && !bit(static_cast<const uint8_t*>(bits_->data), row);
  }

 private:
  Host host_;
  int64_t rows_;
  int64_t nulls_ = 0;
  Buffer bits_;
};

inline flow_column_parts parts_of(flow_type type, int64_t rows) {
  flow_column_parts parts{};
  parts.size = sizeof parts;
  parts.type = type;
  parts.rows = rows;
  return parts;
}

}  // namespace detail

// Exactly `rows` values of T, appended in order or written by index.
template <class T, flow_type kType>
class NumberBuilder {
 public:
  NumberBuilder(Host host, int64_t rows)
      : host_(host),
        rows_(rows),
        validity_(host, rows),
        values_(host.allocate(rows * static_cast<int64_t>(sizeof(T)))),
        data_(static_cast<T*>(values_->data)) {}

  void append(T value) { data_[at_++] = value; }
  void append_null() {
    data_[at_] = T{};
    validity_.set_null(at_++);
  }
  // For loops that fill the values themselves: `rows` of them, all to be written.
  T* data() { return data_; }
  void set_null(int64_t row) { validity_.set_null(row); }
  int64_t size() const { return at_; }

  Column finish() {
    flow_column_parts parts = detail::parts_of(kType, rows_);
    validity_.fill(parts);
    parts.values = values_.get();
    return host_.column(parts);
  }

 private:
  Host host_;
  int64_t rows_;
  int64_t at_ = 0;
  detail::ValidityBuilder validity_;
  Buffer values_;
  T* data_;
};
using Int64Builder = NumberBuilder<int64_t, FLOW_INT64>;
using Float64Builder = NumberBuilder<double, FLOW_FLOAT64>;
using TimestampBuilder = NumberBuilder<int64_t, FLOW_TIMESTAMP>;

class BoolBuilder {
 public:
  BoolBuilder(Host host, int64_t rows)
      : host_(host), rows_(rows), validity_(host, rows), values_(host.allocate((rows + 7) / 8)) {
    std::memset(values_->data, 0, static_cast<size_t>((rows + 7) / 8));
  }

  void append(bool value) {
    static_cast<uint8_t*>(values_->data)[at_ >> 3] |=
        static_cast<uint8_t>((value ? 1U : 0U) << (at_ & 7));
    ++at_;
  }
  void append_null() { validity_.set_null(at_++); }

  Column finish() {
    flow_column_parts parts = detail::parts_of(FLOW_BOOL, rows_);
    validity_.fill(parts);
    parts.values = values_.get();
    return host_.column(parts);
  }

 private:
  Host host_;
  int64_t rows_;
  int64_t at_ = 0;
  detail::ValidityBuilder validity_;
  Buffer values_;
};

// Texts, bytes or JSON tokens as views. A text can point into a buffer that is there already (no
// copy: append_shared), or be copied into the builder's own (append).
class TextBuilder {
 public:
  // `type`: FLOW_TEXT (the caller promises valid UTF-8), FLOW_BINARY or FLOW_JSON.
  TextBuilder(Host host, int64_t rows, flow_type type = FLOW_TEXT)
      : host_(host),
        type_(type),
        validity_(host, rows),
        values_(host.allocate(rows * static_cast<int64_t>(sizeof(flow_view)))),
        views_(static_cast<flow_view*>(values_->data)) {}

  // Makes the buffers of `column` (text, binary, JSON) usable for append_shared, and returns the
  // number of the first; buffer i of the column is that plus i.
  int32_t share(const flow_column& column) {
    const auto first = static_cast<int32_t>(buffers_.size());
    for (int64_t i = 0; i < column.n_data; ++i) {
      buffers_.push_back(Buffer::share(column.data[i]));
    }
    return first;
  }
  int32_t share(const Buffer& buffer) {
    buffers_.push_back(buffer);
    return static_cast<int32_t>(buffers_.size() - 1);
  }

  // `text` lies at `base` + something in buffer number `buffer`; `base` is that buffer's data.
  void append_shared(std::string_view text, int32_t buffer, const char* base) {
    views_[at_++] = view(text, buffer, static_cast<int32_t>(text.data() - base));
  }
  // A view as it stands in a shared column, its buffer renumbered by share's return value.
  void append_view(flow_view view, int32_t first_buffer) {
    if (view.length > FLOW_VIEW_INLINE) view.buffer += first_buffer;
    views_[at_++] = view;
  }
  // Throws std::length_error for a text of 2 GiB or more.
  void append(std::string_view text) {
    if (text.size() <= FLOW_VIEW_INLINE) {
      views_[at_++] = view(text, 0, 0);
      return;
    }
    char* to = reserve(text.size());
    std::memcpy(to, text.data(), text.size());
    views_[at_++] = view({to, text.size()}, own_, static_cast<int32_t>(used_));
    used_ += static_cast<int64_t>(text.size());
  }
  void append_null() {
    views_[at_] = flow_view{};
    validity_.set_null(at_++);
  }
  // Sets row `row` null; a view was appended for it before.
  void set_null(int64_t row) {
    views_[row] = flow_view{};
    validity_.set_null(row);
  }
  int64_t size() const { return at_; }
  bool is_null(int64_t row) const { return validity_.is_null(row); }

  static flow_view view(std::string_view text, int32_t buffer, int32_t offset) {
    flow_view result{};
    result.length = static_cast<int32_t>(text.size());
    if (text.size() <= FLOW_VIEW_INLINE) {
      // The twelve bytes behind the length are contiguous: prefix, buffer, offset.
      std::memcpy(reinterpret_cast<char*>(&result) + sizeof(int32_t), text.data(), text.size());
    } else {
      std::memcpy(result.prefix, text.data(), sizeof result.prefix);
      result.buffer = buffer;
      result.offset = offset;
    }
    return result;
  }

  // The rows appended so far, which must be as many as announced, or fewer.
  Column finish() {
    flow_column_parts parts = detail::parts_of(type_, at_);
    validity_.fill(parts);
    parts.values = values_.get();
    std::vector<flow_buffer*> data;
    for (const Buffer& buffer : buffers_) data.push_back(buffer.get());
    parts.data = data.data();
    parts.n_data = static_cast<int64_t>(data.size());
    return host_.column(parts);
  }

 private:
  static constexpr int64_t kFirstCapacity = 4096;
  static constexpr int64_t kLargestCapacity = int64_t{1} << 24;

  char* reserve(size_t bytes) {
    const auto needed = static_cast<int64_t>(bytes);
    if (needed > INT32_MAX) throw std::length_error("a text of 2 GiB or more");
    if (!own_buffer_ || used_ + needed > own_buffer_->capacity) {
      const int64_t doubled = own_buffer_ ? own_buffer_->capacity * 2 : kFirstCapacity;
      const int64_t wanted = doubled < kLargestCapacity ? doubled : kLargestCapacity;
      own_buffer_ = host_.allocate(wanted > needed ? wanted : needed);
      own_ = share(own_buffer_);
      used_ = 0;
    }
    return static_cast<char*>(own_buffer_->data) + used_;
  }

  Host host_;
  flow_type type_;
  int64_t at_ = 0;
  detail::ValidityBuilder validity_;
  Buffer values_;
  flow_view* views_;
  std::vector<Buffer> buffers_;
  Buffer own_buffer_;
  int32_t own_ = 0;
  int64_t used_ = 0;
};

// Codes into a dictionary that is built elsewhere and shared by many batches.
class CategoryBuilder {
 public:
  CategoryBuilder(Host host, int64_t rows, Column dictionary)
      : host_(host),
        rows_(rows),
        validity_(host, rows),
        values_(host.allocate(rows * static_cast<int64_t>(sizeof(int32_t)))),
        codes_(static_cast<int32_t*>(values_->data)),
        dictionary_(std::move(dictionary)) {}

  void append(int32_t code) { codes_[at_++] = code; }
  void append_null() {
    codes_[at_] = 0;
    validity_.set_null(at_++);
  }
  int64_t size() const { return at_; }
  int32_t code(int64_t row) const { return codes_[row]; }
  bool is_null(int64_t row) const { return validity_.is_null(row); }
  // When the dictionary that the codes mean is known only after the rows: a longer one with the
  // same prefix.
  void set_dictionary(Column dictionary) { dictionary_ = std::move(dictionary); }

  Column finish() {
    flow_column_parts parts = detail::parts_of(FLOW_CATEGORY, rows_);
    validity_.fill(parts);
    parts.values = values_.get();
    parts.dictionary = dictionary_.get();
    return host_.column(parts);
  }

 private:
  Host host_;
  int64_t rows_;
  int64_t at_ = 0;
  detail::ValidityBuilder validity_;
  Buffer values_;
  int32_t* codes_;
  Column dictionary_;
};

// A struct of finished columns. A null struct's children must be null in the same rows.
class StructBuilder {
 public:
  StructBuilder(Host host, int64_t rows) : host_(host), rows_(rows), validity_(host, rows) {}

  void add(Column child) { children_.push_back(std::move(child)); }
  void set_null(int64_t row) { validity_.set_null(row); }

  Column finish() {
    flow_column_parts parts = detail::parts_of(FLOW_STRUCT, rows_);
    validity_.fill(parts);
    std::vector<const flow_column*> children;
    for (const Column& child : children_) children.push_back(child.get());
    parts.children = children.data();
    parts.n_children = static_cast<int64_t>(children.size());
    return host_.column(parts);
  }

 private:
  Host host_;
  int64_t rows_;
  detail::ValidityBuilder validity_;
  std::vector<Column> children_;
};

// Lists over one column of all elements: close each row after its elements were appended there.
class ListBuilder {
 public:
  ListBuilder(Host host, int64_t rows)
      : host_(host),
        rows_(rows),
        validity_(host, rows),
        values_(host.allocate((rows + 1) * static_cast<int64_t>(sizeof(int32_t)))) {
    offsets()[0] = 0;
  }

  // The row's elements end before row `end` of the elements' column.
  void append(int64_t end) { offsets()[++at_] = static_cast<int32_t>(end); }
  void append_null() {
    validity_.set_null(at_);
    append(offsets()[at_]);
  }

  Column finish(const Column& elements) {
    flow_column_parts parts = detail::parts_of(FLOW_LIST, rows_);
    validity_.fill(parts);
    parts.values = values_.get();
    const flow_column* child = elements.get();
    parts.children = &child;
    parts.n_children = 1;
    return host_.column(parts);
  }

 private:
  int32_t* offsets() { return static_cast<int32_t*>(values_->data); }

  Host host_;
  int64_t rows_;
  int64_t at_ = 0;
  detail::ValidityBuilder validity_;
  Buffer values_;
};

}  // namespace flow
