/* Built for another major version of the ABI. */
#include "test_plugin.h"

static const flow_descriptor kPass = {TEST_TRANSFORM("pass")};
static const flow_descriptor* const kOperators[] = {&kPass};

FLOW_EXPORT const flow_plugin flow_plugin_entry = {.size = sizeof(flow_plugin),
                                                   .abi_major = FLOW_ABI_MAJOR + 1,
                                                   .abi_minor = 3,
                                                   .n_operators = 1,
                                                   .id = "org.flowrun.test.bad_abi_major",
                                                   .version = "1.0.0",
                                                   .license = "Apache-2.0",
                                                   .operators = kOperators,
                                                   .create = pass_create};
