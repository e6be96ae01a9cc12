// Any column that reads as text, together with the buffers that its texts lie in: what a transform
// needs in order to make new text columns that share them.
#pragma once

#include <string>
#include <string_view>

#include "flow/batch.hpp"
#include "operators/common/prefetch.hpp"

namespace flow::operators {

// FLOW_TEXT, FLOW_BINARY, FLOW_JSON (the token as written) and FLOW_CATEGORY. Borrows the column.
class TextSource : public Validity {
 public:
  // Throws std::invalid_argument, with the type, for a column that does not read as text.
  explicit TextSource(const flow_column& column)
      : Validity(column),
        texts_(texts_of(column)),
        views_(static_cast<const flow_view*>(texts_.array->buffers[1]) + texts_.array->offset),
        codes_(column.type == FLOW_CATEGORY
                   ? static_cast<const int32_t*>(column.array->buffers[1]) + column.array->offset
                   : nullptr),
        rows_(column.array->length),
        valid_utf8_(texts_.type != FLOW_BINARY) {}

  int64_t size() const { return rows_; }
  // Where a row's text is and how long; of a null row: a view of length 0.
  const flow_view& view(int64_t row) const { return views_[codes_ == nullptr ? row : codes_[row]]; }
  // Valid as long as the column; a short text lies inside the view itself.
  std::string_view text(const flow_view& view) const {
    return {view.length <= FLOW_VIEW_INLINE ? view.prefix : base(view) + view.offset,
            static_cast<size_t>(view.length)};
  }
  std::string_view operator[](int64_t row) const { return text(view(row)); }
  // The data of the buffer that a view of more than FLOW_VIEW_INLINE bytes points into, and how
  // many bytes may be read there.
  const char* base(const flow_view& view) const {
    return static_cast<const char*>(texts_.data[view.buffer]->data);
  }
  int64_t capacity(const flow_view& view) const { return texts_.data[view.buffer]->capacity; }
  // Starts to load a row's text, of which the first 128 bytes will be read. A category's are near.
  void prefetch(int64_t row) const {
    if (codes_ != nullptr || is_null(row)) return;
    const flow_view& ahead = view(row);
    if (ahead.length <= FLOW_VIEW_INLINE) return;
    const char* const at = base(ahead) + ahead.offset;
    operators::prefetch(at);
    operators::prefetch(at + 64);
  }
  // The column whose `data` the views number: of a category, its dictionary.
  const flow_column& texts() const { return texts_; }
  // Null for a column that is not a category. Equal codes are equal texts.
  const int32_t* codes() const { return codes_; }
  // Whether the type promises it; FLOW_BINARY may hold any bytes.
  bool promises_utf8() const { return valid_utf8_; }

 private:
  static const flow_column& texts_of(const flow_column& column) {
    if (!AnyTextView::accepts(column.type)) {
      throw std::invalid_argument("a " + std::string(type_name(column.type)) +
                                  " column where text is needed");
    }
    return column.type == FLOW_CATEGORY ? *column.dictionary : column;
  }

  const flow_column& texts_;
  const flow_view* views_;
  const int32_t* codes_;
  int64_t rows_;
  bool valid_utf8_;
};

}  // namespace flow::operators
