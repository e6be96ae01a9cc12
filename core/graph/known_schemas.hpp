// The columns of every edge, as far as they are known before a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/graph/made_components.hpp"

namespace flowrun {

struct KnownSchema {
  flow::Reference<const flow_schema> schema;  // empty: not known
  bool open = false;                          // there may be columns beside these
};

// By component and output port (of its descriptor, or kCodecErrorsPort).
using PortSchemas = std::map<std::pair<std::size_t, std::uint32_t>, KnownSchema>;

// That the value of an option makes results depend on the run.
struct Dependence {
  std::uint64_t traits = 0;  // FLOW_CLOCK_DEPENDENT, FLOW_ORDER_DEPENDENT
  Diagnostic why;
};

struct InferredSchemas {
  PortSchemas ports;
  std::vector<Dependence> dependences;  // in the order of the flow
};

// Asks every component, in the order of the flow, for the columns of its outputs. What is wrong
// with an option goes to `found`, at its place inside the file: a mistake that a component was
// refused for, a column or a type that its input does not have, and as warnings what can be run
// nevertheless. `read` gives the files of values for that; where one cannot be had, the place is
// that of the value.
InferredSchemas infer_schemas(const BoundPipeline& pipeline, const MadeComponents& made,
                              Diagnostics& found, const DocumentReader& read = read_document);

// "host text, location struct<lat float64, lon float64>"; open ones end in ", ..."; "?": not known.
std::string to_string(const KnownSchema& known);

}  // namespace flowrun
