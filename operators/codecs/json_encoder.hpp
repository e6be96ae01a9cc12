// Rows to JSON objects, one a line.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "flow/output.hpp"
#include "operators/codecs/json_field.hpp"
#include "operators/codecs/json_fragments.hpp"
#include "operators/common/json_writer.hpp"

namespace flow::operators {

// Encodes batches into one buffer each. One an instance; it remembers the last schema, and what
// categories and objects of numbers say as it stands in a document.
class JsonEncoder {
 public:
  explicit JsonEncoder(bool write_nulls) : write_nulls_(write_nulls) {}

  // Passes the rows on as one binary column `bytes`, one object a row, contiguous in one buffer;
  // `delimited`: each with a LF. More than a GiB of text becomes several batches.
  void encode(const Batch& in, bool delimited, Output& out);

 private:
  using Field = JsonField;
  using Form = JsonField::Form;

  // What is written next: one field, or several at once.
  struct Step {
    Field* field;
    JsonFragments* fragments;  // null: the field
  };

  void plan(int64_t rows);
  // Begins to load what the rows [first, end), a block at most, need from tables that are too large
  // to be near.
  void prepare(int64_t first, int64_t end);
  int64_t encode_from(const Batch& in, int64_t first, bool delimited, Output& out);

  // Makes room for `bytes` more; returns where to go on.
  char* room(char* out, int64_t bytes) { return limit_ - out >= bytes ? out : grow(out, bytes); }
  char* grow(char* out, int64_t bytes);
  // The rows [first, end) up to the one that passes kCutBytes, each with its view; returns how
  // many.
  template <class Copy>
  int64_t write_rows(int64_t first, int64_t end, bool delimited, flow_view* view);
  int64_t write_rows_avx2(int64_t first, int64_t end, bool delimited, flow_view* view);
  template <class Copy>
  char* write_document(char* out, int64_t row);
  template <class Copy>
  char* write_field(char* out, Field& field, int64_t row);
  template <class Copy>
  char* write_text_field(char* out, const Field& field, int64_t row);
  template <class Copy>
  char* write_fragment(char* out, JsonFragments& fragments, int64_t row);
  char* write_new_fragment(char* out, JsonFragments& fragments, int64_t row);
  char* write_other(char* out, Field& field, int64_t row);
  char* write_value(char* out, Field& field, int64_t row);
  char* write_nested(char* out, Field& field, int64_t row);
  char* end_object(char* out, int64_t begin);
  char* write_text(char* out, const flow_view& view, const void* const* buffers);
  char* write_token(char* out, std::string_view token);

  bool write_nulls_;
  Reference<const flow_schema> schema_;
  std::vector<Field> fields_;
  std::vector<JsonFragments> fragments_;
  std::vector<Step> steps_;
  bool is_planned_ = false;
  std::vector<Field*> far_;       // single categories with many texts, in this batch
  std::array<char, 4> prefix_{};  // of a document that has the first field
  DoubleWriter doubles_;
  double bytes_per_row_ = 512;  // of the last batch

  // Of the batch under way:
  const Host* host_ = nullptr;
  Buffer buffer_;
  char* limit_ = nullptr;
  int64_t used_ = 0;  // of buffer_
};

}  // namespace flow::operators
