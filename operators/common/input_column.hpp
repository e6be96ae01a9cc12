// Finding the column that an option names, with messages that help when it is not there.
#pragma once

#include <string>
#include <string_view>

#include "flow/host.hpp"

namespace flow::operators {

// The name in `schema` (or among a struct's fields, dotted) that is closest to `wanted`; "" if none is
// close enough to be a slip.
std::string nearest_column(const flow_schema& schema, std::string_view wanted);

// Throws Failure: no such column, what there is, and the nearest name.
[[noreturn]] void throw_missing_column(const flow_schema& schema, std::string_view option,
                                       std::string_view name);

// The column of `batch` that `finder` looks for, if it reads as text. Throws Failure, naming
// `option`, if it is missing or of another type.
const flow_column& text_column(const Batch& batch, ColumnFinder& finder, std::string_view option);

}  // namespace flow::operators
