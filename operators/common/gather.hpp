// A column of some rows of another one.
#pragma once

#include <cstdint>

#include "flow/builder.hpp"

namespace flow::operators {

// In a list of rows: a null in their place.
inline constexpr int32_t kNullRow = -1;

// Row i of the result is row rows[i] of `column`, or null. Any type; texts share the column's
// buffers, dictionaries are shared. One to some nanoseconds a row and leaf. Host::select does the
// same for batches, without nulls.
Column gather_rows(Host host, const flow_column& column, const int32_t* rows, int64_t n);

}  // namespace flow::operators
