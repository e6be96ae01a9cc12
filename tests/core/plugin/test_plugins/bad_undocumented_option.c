/* An option without a doc. */
#include "test_plugin.h"

static const flow_option kLimit = {
    .size = sizeof(flow_option), .type = FLOW_OPTION_INT, .name = "limit"};
static const flow_option* const kOptions[] = {&kLimit};
static const flow_descriptor kSilent = {TEST_TRANSFORM("silent"), TEST_OPTIONS(kOptions)};

TEST_PLUGIN("org.flowrun.test.bad_undocumented_option", &kSilent);
