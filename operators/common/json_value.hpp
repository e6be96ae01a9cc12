// Single values as JSON text.
#pragma once

#include <cstdint>
#include <string>

#include "flow/batch.hpp"

namespace flow::operators {

// Appends the value of `row`, as the codec `json` writes it: numbers in their shortest form, null
// for what is none, timestamps as RFC 3339, binary in base64, tokens as they are. Null fields of a
// struct are left out. Some 20 ns a scalar.
void append_json_value(const flow_field& field, const flow_column& column, int64_t row,
                       std::string& out);

}  // namespace flow::operators
