/* One option for each thing that can be wrong with options. */
#include "test_plugin.h"

#define OPTION(option_type, option_name) \
  .size = sizeof(flow_option), .type = option_type, .name = option_name, .doc = "Does something."

static const flow_option good = {OPTION(FLOW_OPTION_INT, "twice")};
static const flow_option twice = {OPTION(FLOW_OPTION_TEXT, "twice")};
static const flow_option nameless = {
    .size = sizeof(flow_option), .type = FLOW_OPTION_INT, .doc = "Has no name."};
static const flow_option small = {.size = 8, .name = "small"};
static const flow_option reserved = {OPTION(FLOW_OPTION_TEXT, "inputs")};
static const flow_option unknown_type = {OPTION(99, "unknown_type")};
static const flow_option no_choices = {OPTION(FLOW_OPTION_CHOICE, "no_choices")};
static const flow_option empty_range = {OPTION(FLOW_OPTION_INT, "empty_range"), .has_range = 1,
                                        .min = 2, .max = 1};
static const flow_option ranged_text = {OPTION(FLOW_OPTION_TEXT, "ranged_text"), .has_range = 1,
                                        .min = 1, .max = 2};
static const flow_option both = {OPTION(FLOW_OPTION_INT, "both"), .required = 1,
                                 .default_toml = "1"};
static const flow_option* const options[] = {&good,        &twice,        &nameless,   &small,
                                             &reserved,    &unknown_type, &no_choices, NULL,
                                             &empty_range, &ranged_text,  &both};
static const flow_descriptor optional = {TEST_TRANSFORM("optional"), TEST_OPTIONS(options)};

TEST_PLUGIN("org.flowrun.test.bad_options", &optional);
