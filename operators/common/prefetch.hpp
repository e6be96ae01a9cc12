// Asking for memory before it is needed.
#pragma once

namespace flow::operators {

// Begins to load what is at `at`, which need not be readable. Not __builtin_prefetch alone: to GCC
// (12, 13) that is no effect, and it deletes the calls of a function that does nothing else. The
// empty statement is one that it has to keep.
[[gnu::always_inline]] inline void prefetch(const void* at) {
  __builtin_prefetch(at);
  asm volatile("");
}

}  // namespace flow::operators
