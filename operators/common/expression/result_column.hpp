// From the values of an expression to a column of the host.
#pragma once

#include <cstddef>
#include <cstdint>

#include "flow/builder.hpp"
#include "operators/common/expression/program.hpp"

namespace flow::operators {

// The type of the columns that a program's values become.
Type result_type(const Program& program);

// Writes the numbers of the rows whose byte is 1 to `out`, which has room for all, and returns how
// many they are. Eight rows without one cost one look.
size_t true_rows(const uint8_t* values, int64_t rows, int32_t* out);

// Makes the columns of one program.
class ResultColumn {
 public:
  TypedColumn make(const Program& program, const Vector& values, const Batch& batch, Host host);

 private:
  TypedColumn make_category(const Program& program, const Batch& batch, Host host);

  // The dictionary of the entries of that version: each text once, and where each entry went.
  int64_t version_ = -1;
  Column dictionary_;
  std::vector<int32_t> codes_;  // -1: null
};

}  // namespace flow::operators
