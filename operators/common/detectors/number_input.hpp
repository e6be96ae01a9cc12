// A column that is read as numbers.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "flow/batch.hpp"
#include "operators/common/json_scanner.hpp"

namespace flow::operators::detectors {

// Integers, floats, and texts or JSON tokens that say one. Borrows the column.
class NumberInput {
 public:
  enum class Kind : uint8_t { kNumber, kNull, kNotFinite, kNotANumber, kTooLarge };
  // Sums of squares of what is smaller stay finite.
  static constexpr double kLargest = 1e150;

  static bool accepts(flow_type type) {
    return type == FLOW_INT64 || type == FLOW_FLOAT64 || AnyTextView::accepts(type);
  }
  // REQUIRES: accepts(column.type)
  explicit NumberInput(const flow_column& column) : validity_(column) {
    if (column.type == FLOW_FLOAT64) {
      floats_ = Float64View(column).data();
    } else if (column.type == FLOW_INT64) {
      integers_ = Int64View(column).data();
    } else {
      texts_.emplace(column);
    }
  }

  Kind read(int64_t row, double& value) const {
    if (validity_.is_null(row)) return Kind::kNull;
    if (floats_ != nullptr) {
      value = floats_[row];
    } else if (integers_ != nullptr) {
      value = static_cast<double>(integers_[row]);
    } else {
      const std::optional<double> number = json_number((*texts_)[row]);
      if (!number) return Kind::kNotANumber;
      value = *number;
    }
    if (std::fabs(value) <= kLargest) return Kind::kNumber;
    return std::isfinite(value) ? Kind::kTooLarge : Kind::kNotFinite;
  }
  // For messages: the text of a value that is none, cut off where it is long.
  std::string shown(int64_t row) const {
    constexpr size_t kMost = 40;
    if (!texts_) return "the value";
    const std::string text((*texts_)[row].substr(0, kMost));
    return "'" + text + ((*texts_)[row].size() > kMost ? "…'" : "'");
  }

 private:
  Validity validity_;
  const double* floats_ = nullptr;
  const int64_t* integers_ = nullptr;
  std::optional<AnyTextView> texts_;
};

}  // namespace flow::operators::detectors
