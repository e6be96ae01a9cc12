// Whether this machine has what a pipeline needs, without running it.
#pragma once

#include <string>
#include <vector>

#include "core/config/binding.hpp"

namespace flowrun::cli {

// Makes every component and its codec, and opens one instance of each but of sinks, whose opening
// would create or change their output. Nothing is read or written. One text a problem, with the
// component's place. REQUIRES: binding found no errors.
std::vector<std::string> environment_problems(const BoundPipeline& pipeline);

}  // namespace flowrun::cli
