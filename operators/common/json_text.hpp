// JSON tokens as text, for operators that work on text.
#pragma once

#include "flow/builder.hpp"

namespace flow::operators {

// A FLOW_TEXT column of what the tokens of a FLOW_JSON column say: a string without its quotes and
// escapes, null for null, and any other token as it is written. A string with escapes is copied,
// others share the column's buffers. Some 10 ns a row.
Column text_of_json(Host host, const flow_column& column);

}  // namespace flow::operators
