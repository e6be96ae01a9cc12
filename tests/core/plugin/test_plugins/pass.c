/* The smallest sound plugin in C: one transform that hands every batch on as it is. */
#include "test_plugin.h"

static const flow_descriptor kPass = {TEST_TRANSFORM("pass")};

TEST_PLUGIN("org.flowrun.test.pass", &kPass);
