// Named texts to the columns of a batch, a row each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "flow/inference.hpp"
#include "flow/output.hpp"
#include "operators/common/batch_width.hpp"
#include "operators/common/json_rows.hpp"
#include "operators/common/typed_column.hpp"

namespace flow::operators {

// A field for each name: of the type that `schema` declares, or text. Throws OptionFailure for a
// declared field that none of the names is, with the nearest.
std::vector<DeclaredField> declared_fields(const std::vector<std::string>& names,
                                           const DeclaredSchema& schema);

// Builds the columns of one batch after the other: first the fixed ones, in every batch and of
// their type; then text columns for other names, in the order in which the batch meets them. Texts
// are views into the shared buffers. One an instance.
class FieldRows {
 public:
  // No other names than the fixed ones.
  explicit FieldRows(const std::vector<DeclaredField>& fields)
      : FieldRows(fields, Undeclared::kDrop, static_cast<int64_t>(fields.size())) {}
  // Of names that are not fixed, a row may have so many that there are `max_fields` with the fixed
  // ones.
  FieldRows(const std::vector<DeclaredField>& fields, Undeclared undeclared, int64_t max_fields);

  // Begins a batch of up to `rows` rows; `texts` has the buffers that places number.
  void start(Host host, int64_t rows, const flow_column& texts);

  // No row is to follow in this batch.
  bool is_full() const { return row_ == capacity_; }

  // The row under way: each field at most once, or the last counts. kFull: no fault of the row, but
  // it needs another batch; see kBatchFull.
  enum class Result { kDone, kBadType, kTooManyFields, kFull };
  Result put(std::string_view name, std::string_view text, const TextPlace& place);
  // A fixed column by its number.
  Result put(size_t column, std::string_view text, const TextPlace& place) {
    if (columns_[column].put(row_, text, place)) [[likely]] {
      return Result::kDone;
    }
    bad_ = column;
    return Result::kBadType;
  }
  // Without a look at what the text is, for a column of text.
  void put_text(size_t column, std::string_view text, const TextPlace& place) {
    columns_[column].put_text(row_, text, place);
  }
  TypedColumnBuilder& column(size_t number) { return columns_[number]; }
  void end_row() {
    ++row_;
    known_at_row_ = columns_.size();
    begin_count();
  }
  // The row leaves nothing.
  void forget_row();
  int64_t rows() const { return row_; }
  int64_t row() const { return row_; }
  // What the last result but kDone was about, for people, and the word for it.
  std::string complaint(Result result, std::string_view name, std::string_view text) const;
  static const char* reason(Result result);

  // The names live until the next start().
  std::vector<NewColumn> finish();

  // Of every batch. Open: there may be others.
  Fields certain_fields() const;
  bool is_open() const { return undeclared_ == Undeclared::kKeep; }

 private:
  static constexpr size_t kNone = SIZE_MAX;
  size_t find(std::string_view name);
  void remove_last();
  void begin_count() {
    ++reading_;
    counted_fields_ = fixed_;
  }
  Result count(size_t column);

  size_t fixed_;
  Undeclared undeclared_;
  size_t max_fields_;
  size_t most_columns_;
  std::vector<TypedColumnBuilder> columns_;
  std::unordered_map<std::string, size_t> by_name_;
  size_t expected_ = 0;  // rows tend to have the same fields in the same order
  std::string name_;

  Host host_{nullptr};
  int64_t capacity_ = 0;
  const flow_column* texts_ = nullptr;
  int64_t row_ = 0;
  size_t known_at_row_ = 0;           // columns when the row began
  uint64_t reading_ = 1;              // of the row under way
  size_t counted_fields_;             // that it has, with the fixed ones
  std::vector<uint64_t> counted_in_;  // of columns that are not fixed: the last reading with them
  size_t bad_ = 0;
};

}  // namespace flow::operators
