/* An option without a doc. */
#include "test_plugin.h"

static const flow_option limit = {
    .size = sizeof(flow_option), .type = FLOW_OPTION_INT, .name = "limit"};
static const flow_option* const options[] = {&limit};
static const flow_descriptor silent = {TEST_TRANSFORM("silent"), TEST_OPTIONS(options)};

TEST_PLUGIN("org.flowrun.test.bad_undocumented_option", &silent);
