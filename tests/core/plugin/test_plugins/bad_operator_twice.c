/* Offers the same operator twice. */
#include "test_plugin.h"

static const flow_descriptor kFirst = {TEST_TRANSFORM("twice")};
static const flow_descriptor kSecond = {TEST_TRANSFORM("twice")};

TEST_PLUGIN("org.flowrun.test.bad_operator_twice", &kFirst, &kSecond);
