// Results of a join on their way out.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "operators/common/collected_keys.hpp"
#include "operators/windows/join_side.hpp"

namespace flow::operators {

// Collects keys and pairs, and makes batches of them. Rows wait here only within a call and those
// that follow on Status::kMore.
class JoinRows {
 public:
  JoinRows(std::vector<std::string> key_names, const std::array<JoinSide, 2>& sides)
      : key_names_(std::move(key_names)), sides_(sides) {}

  // A side has other columns now. Throws Failure where two columns of the result would have the
  // same name, or the sides' keys are of different types.
  void rebuild();
  // `stamp`: a watermark that was not above it when the row came.
  void append(std::string_view key, const JoinedRow& left, const JoinedRow& right, int64_t time,
              int64_t stamp);
  bool is_full() const { return times_.size() >= kRows || bytes_ >= kBytes; }
  // False: there is no room now.
  bool send(Output& out);

 private:
  static constexpr size_t kRows = 8192;
  static constexpr size_t kBytes = size_t{4} << 20;

  std::vector<std::string> key_names_;
  const std::array<JoinSide, 2>& sides_;
  CollectedKeys keys_;
  std::array<std::vector<StoredColumn>, 2> columns_;
  std::vector<std::string> names_;  // of the columns of both sides
  std::vector<int64_t> times_, stamps_;
  size_t bytes_ = 0;
};

}  // namespace flow::operators
