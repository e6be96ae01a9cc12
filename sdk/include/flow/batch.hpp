// Reading batches: schemas, columns, and typed views of their rows.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "flow/reference.hpp"
#include "flow/type.hpp"

namespace flow {

using Buffer = Reference<flow_buffer>;

namespace detail {
inline bool bit(const uint8_t* bits, int64_t index) {
  return ((bits[index >> 3] >> (index & 7)) & 1) != 0;
}
}  // namespace detail

// Which rows of a column are present. `offset` is the column's.
class Validity {
 public:
  Validity() = default;
  explicit Validity(const flow_column& column)
      : bits_(column.array->null_count == 0
                  ? nullptr
                  : static_cast<const uint8_t*>(column.array->buffers[0])),
        offset_(column.array->offset) {}

  // False: a loop over the rows need not ask.
  bool has_nulls() const { return bits_ != nullptr; }
  bool is_null(int64_t row) const { return bits_ != nullptr && !detail::bit(bits_, offset_ + row); }

 private:
  const uint8_t* bits_ = nullptr;
  int64_t offset_ = 0;
};

// A column of a batch, or a new one to be added to a batch. Immutable.
class Column : public Reference<const flow_column> {
 public:
  Column() = default;
  explicit Column(Reference<const flow_column> column) : Reference(std::move(column)) {}

  flow_type type() const { return get()->type; }
  int64_t rows() const { return get()->array->length; }
  int64_t null_count() const { return get()->array->null_count; }
};

// Fixed-width numbers: int64_t for FLOW_INT64 and FLOW_TIMESTAMP, double for FLOW_FLOAT64, int32_t
// for the codes of FLOW_CATEGORY. Borrows the column.
template <class T>
class NumberView : public Validity {
 public:
  explicit NumberView(const flow_column& column)
      : Validity(column),
        values_(static_cast<const T*>(column.array->buffers[1]) + column.array->offset),
        rows_(column.array->length) {}

  int64_t size() const { return rows_; }
  T operator[](int64_t row) const { return values_[row]; }
  const T* data() const { return values_; }

 private:
  const T* values_;
  int64_t rows_;
};
using Int64View = NumberView<int64_t>;
using Float64View = NumberView<double>;
using CodeView = NumberView<int32_t>;

class BoolView : public Validity {
 public:
  explicit BoolView(const flow_column& column)
      : Validity(column),
        bits_(static_cast<const uint8_t*>(column.array->buffers[1])),
        offset_(column.array->offset),
        rows_(column.array->length) {}

  int64_t size() const { return rows_; }
  bool operator[](int64_t row) const { return detail::bit(bits_, offset_ + row); }

 private:
  const uint8_t* bits_;
  int64_t offset_;
  int64_t rows_;
};

// Texts or bytes: FLOW_TEXT, FLOW_BINARY and FLOW_JSON. Borrows the column. A null row reads as "".
class TextView : public Validity {
 public:
  explicit TextView(const flow_column& column)
      : Validity(column),
        views_(static_cast<const flow_view*>(column.array->buffers[1]) + column.array->offset),
        buffers_(column.array->buffers + 2),
        rows_(column.array->length) {}

  int64_t size() const { return rows_; }
  std::string_view operator[](int64_t row) const {
    const flow_view& view = views_[row];
    const char* text = view.length <= FLOW_VIEW_INLINE
                           ? view.prefix
                           : static_cast<const char*>(buffers_[view.buffer]) + view.offset;
    return {text, static_cast<size_t>(view.length)};
  }
  const flow_view* views() const { return views_; }

 private:
  const flow_view* views_;
  const void* const* buffers_;
  int64_t rows_;
};

// Texts of a FLOW_CATEGORY column: a code a row, each text once. Borrows the column. Ask is_null:
// what a null row reads as is unspecified.
class CategoryView : public Validity {
 public:
  explicit CategoryView(const flow_column& column)
      : Validity(column),
        codes_(static_cast<const int32_t*>(column.array->buffers[1]) + column.array->offset),
        rows_(column.array->length),
        texts_(*column.dictionary) {}

  int64_t size() const { return rows_; }
  int32_t code(int64_t row) const { return codes_[row]; }
  std::string_view operator[](int64_t row) const {
    const int32_t code = codes_[row];
    return code < texts_.size() ? texts_[code] : std::string_view();
  }
  const TextView& dictionary() const { return texts_; }

 private:
  const int32_t* codes_;
  int64_t rows_;
  TextView texts_;
};

// Any column that reads as text: FLOW_TEXT, FLOW_BINARY, FLOW_JSON and FLOW_CATEGORY.
class AnyTextView : public Validity {
 public:
  // Throws std::invalid_argument for a column of another type.
  explicit AnyTextView(const flow_column& column) : Validity(column), texts_(texts_of(column)) {
    if (column.type == FLOW_CATEGORY) {
      codes_ = static_cast<const int32_t*>(column.array->buffers[1]) + column.array->offset;
    }
    rows_ = column.array->length;
  }

  static bool accepts(flow_type type) {
    return type == FLOW_TEXT || type == FLOW_BINARY || type == FLOW_JSON || type == FLOW_CATEGORY;
  }
  int64_t size() const { return rows_; }
  // As CategoryView has it for a null row.
  std::string_view operator[](int64_t row) const {
    const int64_t at = codes_ == nullptr ? row : codes_[row];
    // The dictionary of a column without a single value is empty.
    return at < texts_.size() ? texts_[at] : std::string_view();
  }

 private:
  static const flow_column& texts_of(const flow_column& column) {
    if (!accepts(column.type)) {
      throw std::invalid_argument("a " + std::string(type_name(column.type)) +
                                  " column where text is needed");
    }
    return column.type == FLOW_CATEGORY ? *column.dictionary : column;
  }

  TextView texts_;
  const int32_t* codes_ = nullptr;
  int64_t rows_;
};

class ListView : public Validity {
 public:
  explicit ListView(const flow_column& column)
      : Validity(column),
        offsets_(static_cast<const int32_t*>(column.array->buffers[1]) + column.array->offset),
        elements_(column.children[0]),
        rows_(column.array->length) {}

  int64_t size() const { return rows_; }
  // Rows [begin(row), end(row)) of `elements` are the row's.
  int64_t begin(int64_t row) const { return offsets_[row]; }
  int64_t end(int64_t row) const { return offsets_[row + 1]; }
  const flow_column& elements() const { return *elements_; }

 private:
  const int32_t* offsets_;
  const flow_column* elements_;
  int64_t rows_;
};

// Where a column stands: its index in the schema, then the index of the child in each struct.
struct ColumnPath {
  std::vector<uint32_t> steps;  // empty: no such column
  flow_type type = 0;
};

// A dotted name reaches inside structs (`location.lat`); a column whose own name has dots comes
// first. `schema` pointers are interned: ask once a schema.
inline ColumnPath find_column(const flow_schema& schema, std::string_view name) {
  const auto index_of = [](const flow_field* const* fields, uint32_t n,
                           std::string_view wanted) -> int64_t {
    for (uint32_t i = 0; i < n; ++i) {
      if (wanted == fields[i]->name) return i;
    }
    return -1;
  };
  const flow_field* const* fields = schema.fields;
  uint32_t n = schema.n_fields;
  ColumnPath path;
  while (true) {
    if (const int64_t whole = index_of(fields, n, name); whole >= 0) {
      path.steps.push_back(static_cast<uint32_t>(whole));
      path.type = fields[whole]->type;
      return path;
    }
    int64_t parent = -1;
    size_t dot = name.find('.');
    for (; dot != std::string_view::npos && parent < 0; dot = name.find('.', dot + 1)) {
      parent = index_of(fields, n, name.substr(0, dot));
      if (parent >= 0) break;
    }
    if (parent < 0 || fields[parent]->type != FLOW_STRUCT) {
      return {};
    }
    path.steps.push_back(static_cast<uint32_t>(parent));
    name.remove_prefix(dot + 1);
    n = fields[parent]->n_children;
    fields = fields[parent]->children;
  }
}

// A batch, held by reference.
class Batch : public Reference<const flow_batch> {
 public:
  Batch() = default;
  explicit Batch(Reference<const flow_batch> batch) : Reference(std::move(batch)) {}

  int64_t rows() const { return get()->rows; }
  const flow_schema& schema() const { return *get()->schema; }
  const flow_origin& origin() const { return *get()->origin; }
  // When what each row tells of happened, and the watermark of its partition as of that row:
  // nanoseconds since 1970, no nulls. NULL: no event_time stands upstream.
  const int64_t* event_times() const { return times(origin().event_time); }
  const int64_t* watermarks() const { return times(origin().watermark); }
  uint32_t column_count() const { return get()->schema->n_fields; }
  const flow_column& column(uint32_t index) const { return *get()->columns[index]; }
  Column share_column(uint32_t index) const {
    return Column(Reference<const flow_column>::share(get()->columns[index]));
  }
  // NULL if there is no such column. Dotted names reach inside structs.
  const flow_column* find(std::string_view name) const {
    return follow(find_column(schema(), name));
  }
  const flow_column* follow(const ColumnPath& path) const {
    if (path.steps.empty()) return nullptr;
    const flow_column* at = get()->columns[path.steps.front()];
    for (size_t i = 1; i < path.steps.size(); ++i) at = at->children[path.steps[i]];
    return at;
  }

 private:
  static const int64_t* times(const flow_column* column) {
    return column != nullptr ? NumberView<int64_t>(*column).data() : nullptr;
  }
};

// A named column, looked up once a schema. Not thread-safe: one an instance.
class ColumnFinder {
 public:
  explicit ColumnFinder(std::string name) : name_(std::move(name)) {}

  // NULL: the batch has no such column. Borrowed from the batch.
  const flow_column* find(const Batch& batch) {
    const flow_schema* schema = &batch.schema();
    if (schema != known_.get()) {
      path_ = find_column(*schema, name_);
      known_ = Reference<const flow_schema>::share(schema);
    }
    return batch.follow(path_);
  }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  Reference<const flow_schema> known_;
  ColumnPath path_;
};

}  // namespace flow
