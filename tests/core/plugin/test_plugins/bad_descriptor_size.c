/* A descriptor that ends before the members that every version has. */
#include "test_plugin.h"

static const flow_descriptor kPass = {.size = offsetof(flow_descriptor, options), .name = "pass"};

TEST_PLUGIN("org.flowrun.test.bad_descriptor_size", &kPass);
