/* Says nothing about itself and offers nothing. */
#include "test_plugin.h"

FLOW_EXPORT const flow_plugin flow_plugin_entry = {.size = sizeof(flow_plugin),
                                                   .abi_major = FLOW_ABI_MAJOR};
