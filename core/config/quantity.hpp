// Durations ("1h30m") and sizes ("256KiB") as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flowrun {

// Either the value, or what is wrong with the text and how to write it.
struct Quantity {
  std::optional<std::int64_t> value;
  std::string problem;
  std::string remedy;
};

// Numbers with units, largest first: d h m s ms us ns. "1h30m", "1.5s", "250ms"; "0" needs no
// unit. In nanoseconds, up to about 292 years.
Quantity parse_duration(std::string_view text);

// A number and B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024), case
// ignored; "1.5GiB" is fine, "0" needs no unit. In bytes.
Quantity parse_size(std::string_view text);

// The shortest text that parses back to the same value.
std::string format_duration(std::int64_t nanoseconds);
std::string format_size(std::int64_t bytes);

}  // namespace flowrun
