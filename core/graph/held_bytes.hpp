// How much memory a batch occupies.
#pragma once

#include <cstdint>

#include "flow/abi.h"

namespace flowrun {

// What a batch of rows keeps in memory while it is on its way: its values, and the texts that its
// views point to. Looks at each view once.
std::int64_t held_bytes(const flow_batch& batch);

}  // namespace flowrun
