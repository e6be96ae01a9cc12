// What an encoder makes: a run of bytes for each row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/output.hpp"

namespace flow::operators {

// Collects the bytes of a batch's rows, one behind the other, and passes the rows on as one binary
// column `bytes`. Rows that cannot be encoded leave by `errors`. Keeps its memory: one an instance.
class EncodedRows {
 public:
  // `in`, `out` and `prologue` live until finish(). A prologue that is not empty goes beside the
  // rows as FLOW_PROLOGUE_FIELD, for 16 bytes a row.
  void start(const Batch& in, Output& out, std::string_view prologue = {});
  // To append the next row's bytes to.
  std::string& bytes() { return bytes_; }
  void end_row();
  // The next row is none; what was appended for it is taken back.
  void fail_row(const char* reason, const std::string& message);
  int64_t row() const { return first_ + static_cast<int64_t>(ends_.size()); }
  void finish();

 private:
  // A column's views have 31 bits for a place: what is collected is passed on from here on.
  static constexpr size_t kMostBytes = size_t{1} << 30;
  void flush();
  Batch with_prologue(const Batch& rows) const;

  std::string_view prologue_;
  const Batch* in_ = nullptr;
  Output* out_ = nullptr;
  std::string bytes_;
  std::vector<size_t> ends_;
  std::vector<int32_t> kept_;
  int64_t first_ = 0;  // row of the batch that ends_ begin with
};

}  // namespace flow::operators
