/* Offers the same operator twice. */
#include "test_plugin.h"

static const flow_descriptor first = {TEST_TRANSFORM("twice")};
static const flow_descriptor second = {TEST_TRANSFORM("twice")};

TEST_PLUGIN("org.flowrun.test.bad_operator_twice", &first, &second);
