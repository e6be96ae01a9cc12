/* One option for each thing that can be wrong with options. */
#include "test_plugin.h"

#define OPTION(option_type, option_name)                                     \
  .size = sizeof(flow_option), .type = (option_type), .name = (option_name), \
  .doc = "Does something."

static const flow_option kGood = {OPTION(FLOW_OPTION_INT, "twice")};
static const flow_option kTwice = {OPTION(FLOW_OPTION_TEXT, "twice")};
static const flow_option kNameless = {
    .size = sizeof(flow_option), .type = FLOW_OPTION_INT, .doc = "Has no name."};
static const flow_option kSmall = {.size = 8, .name = "small"};
static const flow_option kReserved = {OPTION(FLOW_OPTION_TEXT, "inputs")};
static const flow_option kUnknownType = {OPTION(99, "unknown_type")};
static const flow_option kNoChoices = {OPTION(FLOW_OPTION_CHOICE, "no_choices")};
static const flow_option kEmptyRange = {OPTION(FLOW_OPTION_INT, "empty_range"), .has_range = 1,
                                        .min = 2, .max = 1};
static const flow_option kRangedText = {OPTION(FLOW_OPTION_TEXT, "ranged_text"), .has_range = 1,
                                        .min = 1, .max = 2};
static const flow_option kBoth = {OPTION(FLOW_OPTION_INT, "both"), .required = 1,
                                  .default_toml = "1"};
static const flow_option* const kOptions[] = {&kGood,       &kTwice,       &kNameless,  &kSmall,
                                              &kReserved,   &kUnknownType, &kNoChoices, NULL,
                                              &kEmptyRange, &kRangedText,  &kBoth};
static const flow_descriptor kOptional = {TEST_TRANSFORM("optional"), TEST_OPTIONS(kOptions)};

TEST_PLUGIN("org.flowrun.test.bad_options", &kOptional);
