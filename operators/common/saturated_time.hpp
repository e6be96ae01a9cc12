// Sums of times that stay where times end.
#pragma once

#include <cstdint>

namespace flow::operators {

// `by` nanoseconds after `time`; the last or first time that there is where that lies beyond.
inline int64_t time_after(int64_t time, int64_t by) {
  int64_t sum;
  if (!__builtin_add_overflow(time, by, &sum)) return sum;
  return by > 0 ? INT64_MAX : INT64_MIN;
}
// From `from` to `to`, of which `to` is not the earlier; INT64_MAX where that is more.
inline int64_t time_between(int64_t from, int64_t to) {
  int64_t difference;
  return __builtin_sub_overflow(to, from, &difference) ? INT64_MAX : difference;
}

}  // namespace flow::operators
