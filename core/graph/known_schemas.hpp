// The columns of every edge, as far as they are known before a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/graph/trial.hpp"

namespace flowrun {

struct KnownSchema {
  flow::Reference<const flow_schema> schema;  // empty: not known
  bool open = false;                          // there may be columns beside these
};

// By component and output port (of its descriptor, or kCodecErrorsPort).
using PortSchemas = std::map<std::pair<std::size_t, std::uint32_t>, KnownSchema>;

// Asks every component, in the order of the flow, for the columns of its outputs. What is wrong
// with an option goes to `found`, at its place inside the file: a mistake that a component was
// refused for, and a column or a type that its input does not have. Files of values are read again
// for that; where one cannot be, the place is that of the value.
PortSchemas infer_schemas(const BoundPipeline& pipeline, const Trial& trial, Diagnostics& found);

// The type of a column: "text", "list<int64>", "struct<lat float64, lon float64>".
std::string to_string(const flow_field& field);

// "host text, location struct<lat float64, lon float64>"; open ones end in ", ..."; "?": not known.
std::string to_string(const KnownSchema& known);

}  // namespace flowrun
