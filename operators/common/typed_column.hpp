// One declared field's column, built from texts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/builder.hpp"
#include "operators/common/declared_schema.hpp"

namespace flow::operators {

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
  bool put(int64_t row, std::string_view text) { return put(row, text, nullptr, 0); }
  // The same for a text in the shared buffer number `buffer`, whose data begins at `base`.
  bool put(int64_t row, std::string_view text, const char* base, int32_t buffer);

  // Without a look at what the text is, for columns of text, categories and JSON. `base` NULL: it
  // lies elsewhere.
  void put_text(int64_t row, std::string_view text, const char* base, int32_t buffer);
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
  bool append(std::string_view text) { return append(text, nullptr, 0); }
  bool append(std::string_view text, const char* base, int32_t buffer) {
    if (!put(size_, text, base, buffer)) return false;
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
