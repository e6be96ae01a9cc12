#pragma once

#include <cstdlib>

// What a fuzz entry promises of its input; where it does not hold, the input is a finding.
inline void require(bool holds) {
  if (!holds) std::abort();
}
