// JSON objects, one a line, to typed rows.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "flow/output.hpp"
#include "operators/common/line_splitter.hpp"

namespace flow::operators {

// A field that a schema declares: its values are coerced to the type, or the row fails.
struct DeclaredField {
  std::string name;
  flow_type type;  // TEXT, INT64, FLOAT64, BOOL, TIMESTAMP or JSON
};

// Decodes lines into one batch. Declared fields come first, in their order and whether they occur
// or not; other fields are JSON tokens as they were written, in the order in which they are met.
// One an instance: it keeps its parser's memory (some 20 bytes a byte of the longest line seen).
class JsonDecoder {
 public:
  JsonDecoder(std::vector<DeclaredField> declared, int64_t max_fields)
      : declared_(std::move(declared)), max_fields_(max_fields) {}

  // Emits the rows of `lines`, which are of `in`.
  // below.
  void decode(const Batch& in, const std::vector<Line>& lines, Output& out);

  // Of the last call: lines that could not be decoded (bad_json, bad_type, too_many_fields).
  const std::vector<RefusedLine>& refused() const { return refused_; }
  int64_t invalid_utf8_rows() const { return invalid_utf8_rows_; }

 private:
  // One value: a view, or in place of its text an integer or the bits of a double. A length of
  // kNull: there is none.
  using Cell = flow_view;
  static constexpr int32_t kNull = -1;
  static constexpr Cell kNullCell{kNull, {}, 0, 0};

  struct FieldColumn {
    std::string name;
    flow_type type;
    std::vector<Cell> cells;  // may be shorter than the rows: the others are null
  };
  // Text that stands in no piece: unescaped or repaired.
  class OwnText {
   public:
    void reset(int32_t first_number);
    Cell add(Host host, std::string_view text);
    const std::vector<Buffer>& buffers() const { return buffers_; }

   private:
    std::vector<Buffer> buffers_;
    int64_t used_ = 0;
    int32_t first_number_ = 0;
  };

  void start(const Batch& in, size_t rows);
  // NULL: the line is a row; else the reason why not, with a text for people in `message_`.
  const char* take(Host host, const Line& line, const flow_column& pieces);
  const char* take_object(Host host, std::string_view text);
  FieldColumn* column_of(std::string_view key);
  bool coerce(Host host, FieldColumn& column, std::string_view token, Cell& cell);
  bool coerce_text(Host host, const FieldColumn& column, std::string_view text, Cell& cell);
  Cell token_cell(Host host, std::string_view token);
  std::string_view padded(std::string_view text);
  void forget_row(size_t columns_before);
  TypedColumn finish(Host host, const FieldColumn& column, int64_t rows,
                     const flow_column& pieces) const;

  std::vector<DeclaredField> declared_;
  int64_t max_fields_;
  simdjson::dom::parser parser_;
  std::vector<FieldColumn> columns_;
  std::unordered_map<std::string, size_t> by_name_;
  size_t expected_ = 0;  // objects of a stream tend to have the same fields in the same order
  OwnText own_;
  std::vector<Line> taken_;

  // Of the line under way. Tokens lie in the piece at `shift_` from where they were scanned, or are
  // copied if the line had to be repaired.
  const Line* line_ = nullptr;
  const char* piece_base_ = nullptr;
  const char* scanned_ = nullptr;
  bool repaired_ = false;
  std::string message_;
  std::string padded_;
  std::string scratch_;
  std::string key_;

  std::vector<RefusedLine> refused_;
  int64_t invalid_utf8_rows_ = 0;
};

}  // namespace flow::operators
