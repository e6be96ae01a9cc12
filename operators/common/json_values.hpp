// The plain values of a column as JSON tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "flow/batch.hpp"

namespace flow::operators {

// Of numbers, bools, texts, categories and JSON. Borrows the column.
class JsonValues {
 public:
  enum class Kind : uint8_t { kValue, kNull, kTooLong, kNested };

  static bool accepts(flow_type type);
  // Texts and tokens of more than `longest` bytes are kTooLong. REQUIRES: accepts(column.type)
  JsonValues(const flow_column& column, size_t longest);

  // `token`: good until the next call. kNested: a JSON object or array.
  Kind read(int64_t row, std::string_view& token);

 private:
  const flow_column& column_;
  size_t longest_;
  Validity validity_;
  std::optional<AnyTextView> texts_;
  std::string bytes_;
};

}  // namespace flow::operators
