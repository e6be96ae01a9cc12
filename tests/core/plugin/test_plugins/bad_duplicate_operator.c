/* Sound in itself, but offers the transform `pass`, as pass.c does. */
#include "test_plugin.h"

static const flow_descriptor kOther = {TEST_TRANSFORM("other")};
static const flow_descriptor kPass = {TEST_TRANSFORM("pass")};

TEST_PLUGIN("org.flowrun.test.bad_duplicate_operator", &kOther, &kPass);
