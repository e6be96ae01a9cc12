// Numbers in the reasons that people read.
#pragma once

#include <cstdint>
#include <string>

namespace flow::operators::detectors {

// Six significant digits at most: "31.2", "-0.004", "1.5e+09".
void append_number(std::string& text, double value);
// "12,400"
void append_count(std::string& text, uint64_t count);
// A fraction: 0.087 as "8.7 %", 3.2 as "320 %".
void append_percent(std::string& text, double fraction);
// "90s", "5m", "1h30m"
void append_duration(std::string& text, int64_t nanoseconds);

}  // namespace flow::operators::detectors
