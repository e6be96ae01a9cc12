/* Says that its flow_plugin ends before the members that every version has. */
#include "test_plugin.h"

FLOW_EXPORT const flow_plugin flow_plugin_entry = {
    .size = offsetof(flow_plugin, operators), .abi_major = FLOW_ABI_MAJOR, .id = "too.small"};
