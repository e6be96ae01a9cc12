// One declared field's column, built from texts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/builder.hpp"
#include "operators/common/declared_schema.hpp"
#include "operators/common/view_column.hpp"

namespace flow::operators {

// Where the bytes are that a text is a piece of: `from` stands at `offset` of the shared buffer
// number `buffer`. `readable`: the 16 bytes from the text's first on may be read.
struct TextPlace {
  const char* from = nullptr;  // NULL: in none, so that the text is copied
  int32_t buffer = 0;
  int32_t offset = 0;
  bool readable = false;
};

// Turns texts into the values of a column. Rows are written in any order, again if need be; those
// never written are null. Reusable, a batch after the other; not thread-safe: one an instance. (The
// SDK's TypedColumn is what it makes.)
//
// A text of up to 12 bytes is part of its view. Longer ones are copied, unless put() is told where
// in the shared buffers they lie.
class TypedColumnBuilder {
 public:
  explicit TypedColumnBuilder(DeclaredField field);
  const DeclaredField& field() const { return field_; }

  // Begins a column of up to `rows` rows. `shared`: whose buffers become those of a text column,
  // numbered as they are there; it lives until finish().
  void start(Host host, int64_t rows, const flow_column* shared = nullptr);

  // The value that `text` stands for. False: it is none of the type, and nothing has changed.
  // int: an integer, also with a fraction of zero or an exponent. float: what is finite. bool: true
  // or false. timestamp: by the format, else RFC 3339. json: one JSON value. Text must be UTF-8.
  bool put(int64_t row, std::string_view text, const TextPlace& place = {});

  // Without a look at what the text is, for columns of text, categories and JSON.
  void put_text(int64_t row, std::string_view text, const TextPlace& place = {}) {
    if (is_coded_) {
      put_category(row, text);
      return;
    }
    flow_view& view = static_cast<flow_view*>(values_->data)[row];
    if (place.from == nullptr) {
      view = own_view(text);
    } else {
      const auto offset = static_cast<int32_t>(place.offset + (text.data() - place.from));
      if (place.readable) {
        write_readable_view(view, text, place.buffer, offset);
      } else {
        view = TextBuilder::view(text, place.buffer, offset);
      }
    }
    set_valid(row);
  }
  // For columns of integers and timestamps.
  void put_int64(int64_t row, int64_t value) {
    static_cast<int64_t*>(values_->data)[row] = value;
    set_valid(row);
  }
  void put_float64(int64_t row, double value) {
    static_cast<double*>(values_->data)[row] = value;
    set_valid(row);
  }
  void put_bool(int64_t row, bool value);
  void put_null(int64_t row) { validity_bits()[row >> 3] &= static_cast<uint8_t>(~mask(row)); }
  bool is_null(int64_t row) const { return (validity_bits()[row >> 3] & mask(row)) == 0; }

  // Row by row, instead of put().
  bool append(std::string_view text, const TextPlace& place = {}) {
    if (!put(size_, text, place)) return false;
    ++size_;
    return true;
  }
  void append_null() { put_null(size_++); }
  int64_t size() const { return size_; }

  // The first `rows` rows; without a number, the appended ones. The type is the declared one; only
  // a category of too many texts becomes text.
  flow::TypedColumn finish(int64_t rows);
  flow::TypedColumn finish() { return finish(size_); }

 private:
  // The codes of texts met lately, so that the dictionary's lock is seldom taken.
  struct KnownCode {
    std::string text;
    int32_t code = SharedDictionary::kNone;
  };
  static constexpr size_t kKnownCodes = 256;

  static uint8_t mask(int64_t row) { return static_cast<uint8_t>(1U << (row & 7)); }
  uint8_t* validity_bits() const { return static_cast<uint8_t*>(validity_->data); }
  void set_valid(int64_t row) { validity_bits()[row >> 3] |= mask(row); }
  void put_category(int64_t row, std::string_view text);
  int32_t code_of(std::string_view text);
  void codes_to_texts();
  flow_view own_view(std::string_view text);
  void clear_nulls(int64_t rows);

  DeclaredField field_;
  Host host_{nullptr};
  int64_t capacity_ = 0;
  int64_t size_ = 0;
  Buffer validity_;
  Buffer values_;
  const flow_column* shared_ = nullptr;

  bool is_coded_ = false;  // a category that has not become text
  std::vector<KnownCode> known_;

  std::vector<Buffer> own_;  // behind the shared ones
  int64_t own_used_ = 0;
};

}  // namespace flow::operators
