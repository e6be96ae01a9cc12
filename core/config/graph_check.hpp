// The wiring of a specification, as far as it can be judged without knowing the operators.
#pragma once

#include <cstddef>
#include <vector>

#include "core/config/specification.hpp"

namespace flowrun {

// Errors: no source, no sink, an input from an unknown component or from a sink's output, a cycle.
void check_graph(const PipelineSpecification& specification, Diagnostics& found);

// Indexes of the components such that each comes after all it reads from; among equals, in file
// order. Components on a cycle, and those behind one, are left out.
std::vector<std::size_t> topological_order(const PipelineSpecification& specification);

}  // namespace flowrun
