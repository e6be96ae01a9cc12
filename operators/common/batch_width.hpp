// How wide batches get whose columns have their names from the data, so that memory stays bounded
// whatever the names are.
#pragma once

#include <algorithm>
#include <cstdint>

namespace flow::operators {

// What a parser's add() answers beside the reasons of bad rows, to be compared as a pointer: the
// row has more new fields than this batch takes, or the batch has all its rows. Nothing is wrong
// with the row: finish the batch, start another, add the row again. Never for a first row.
inline constexpr char kBatchFull[] = "batch_full";

// For the docs of an option max_fields.
inline constexpr const char* kBatchWidthDoc =
    "Rows that would give a batch more columns than this, and more than 1000, begin another batch: "
    "names made from data (an id as a key) make small batches, which are slow. A column costs up "
    "to 16 bytes a row even where it is null.";

// The columns that a batch may have where one row may have `max_fields`. More than those, so that
// rows of several kinds go together where max_fields is small.
inline int64_t most_columns(int64_t max_fields) {
  constexpr int64_t kWide = 1000;
  return std::max(max_fields, kWide);
}

// For how many rows a batch makes room. A column takes memory for all of them, so batches that are
// full of columns after a few rows are followed by smaller ones. One an instance.
class BatchRoom {
 public:
  // The next batch, where `left` rows may come.
  int64_t rows(int64_t left) {
    given_ = std::min(left, most_);
    return given_;
  }
  // It said kBatchFull after `rows` rows.
  void full(int64_t rows) {
    constexpr int64_t kFew = 64;
    constexpr int64_t kEnough = int64_t{1} << 40;
    most_ = rows < given_ ? std::max(2 * rows, kFew) : std::min(2 * given_, kEnough);
  }

 private:
  int64_t most_ = INT64_MAX;
  int64_t given_ = 0;
};

}  // namespace flow::operators
