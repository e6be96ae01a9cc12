// Sizes and durations inside of table options, as a pipeline file writes them everywhere.
#pragma once

#include <cstdint>
#include <string_view>

#include "flow/options.hpp"

namespace flow::operators {

// Of a value like "100MiB" or "64kB" (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB in any case), in bytes;
// or like "1h" or "1h30m" (d, h, m, s, ms, us, ns), in nanoseconds. Throws Failure, with `name` and
// the value's place, for what is none, is not above zero, or is too large.
int64_t read_size(const Value& value, std::string_view name);
int64_t read_duration(const Value& value, std::string_view name);

}  // namespace flow::operators
