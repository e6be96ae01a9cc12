// The rows of a keyed instance whose key is there, for operators to which a row without one means
// nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/keyed_rows.hpp"

namespace flow::operators {

// Rows fail as `no_key` where a field of the key is null or not in the input, and as `key_too_long`
// beyond 64 KiB.
class KeyInput {
 public:
  static constexpr size_t kMostFields = 8;
  // The type of each field, 0 behind the last: what a record keeps so that a row can be made of its
  // key later. A category counts as text.
  using Types = std::array<uint8_t, kMostFields>;

  // `name`: of the operator, for messages. Throws OptionFailure for `key` without fields or with
  // more than kMostFields.
  KeyInput(std::string name, const std::vector<Field>& key);

  // Tells what is wrong with the option `key`, as far as the input is known.
  static void infer(const std::vector<Field>& key, Inference& inference);

  // Before anything else is asked of a batch. Throws std::invalid_argument for a struct or list as
  // a key. Rows without a key have failed behind this.
  void read(const Batch& in, Output& out);
  // Of those that are left, ascending.
  std::span<const int32_t> rows() const { return rows_; }
  uint64_t hash(int32_t row) const { return keys_.hash(row); }
  // Good until the next call. Nothing: the row has failed.
  std::optional<std::string_view> key(int32_t row, const Batch& in, Output& out);
  const Types& types() const { return types_; }
  const std::vector<std::string>& names() const { return names_; }

 private:
  void fail_all(const Batch& in, const std::string& why, Output& out) const;

  std::string name_;
  std::vector<std::string> names_;
  std::vector<ColumnFinder> finders_;
  KeyedRows keys_;
  Types types_{};
  std::vector<Validity> nullable_;
  std::vector<int32_t> present_;
  std::span<const int32_t> rows_;
};

}  // namespace flow::operators
