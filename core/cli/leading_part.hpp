// The part of a pipeline that leads to one component, for commands that only look.
#pragma once

#include <string>

#include "core/config/specification.hpp"

namespace flowrun::cli {

// Leaves what the component `id` needs, itself included: rows of other branches are of no interest,
// and their sinks would write. Rows that fail on the way are dropped, and no checkpoint is taken.
void keep_what_leads_to(const std::string& id, PipelineSpecification& specification);

}  // namespace flowrun::cli
