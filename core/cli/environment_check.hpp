// Whether this machine has what a pipeline needs, without running it.
#pragma once

#include <string>
#include <vector>

#include "core/graph/trial.hpp"

namespace flowrun::cli {

// Opens one instance of each component and codec but of sinks, whose opening would create or change
// their output. Nothing is read or written. One text a problem, with the component's place; those
// of options are infer_schemas's to tell.
std::vector<std::string> environment_problems(const BoundPipeline& pipeline, Trial& trial);

}  // namespace flowrun::cli
