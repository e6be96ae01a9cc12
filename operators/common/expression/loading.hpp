// Columns of a batch as vectors.
#pragma once

#include "flow/batch.hpp"
#include "operators/common/expression/vector.hpp"

namespace flow::operators {

// How an expression sees a column of that type.
Kind kind_of(flow_type type);

// Makes `out` the values of `column`: numbers are borrowed, bits and views unpacked.
void load_column(const flow_column& column, Vector& out);

// The texts of a dictionary, and one null behind them.
void load_dictionary(const flow_column& dictionary, Vector& out);

}  // namespace flow::operators
