/* abi.h as C11: it compiles by itself, and its layout is the frozen one. */
#include "flow/abi.h"

#define FLOW_FROZEN_SIZE(type, bytes) \
  _Static_assert(sizeof(type) == (bytes), #type " changed size");
#define FLOW_FROZEN_OFFSET(type, member, bytes) \
  _Static_assert(offsetof(type, member) == (bytes), #type "." #member " moved");
#define FLOW_FROZEN_VALUE(name, value) _Static_assert((name) == (value), #name " changed value");
#include "tests/abi/layout.inc"

/* For the C++ side to compare with. */
size_t flow_host_bytes_in_c(void);
size_t flow_host_bytes_in_c(void) { return sizeof(flow_host); }
