/* Defaults that do not parse, are of another type, out of range, or no choice. */
#include "test_plugin.h"

#define OPTION(option_type, option_name, default_value)                                           \
  .size = sizeof(flow_option), .type = (option_type), .name = (option_name), .doc = "Something.", \
  .default_toml = (default_value)

static const char* const kColours[] = {"red", "green", NULL};

static const flow_option kSyntax = {OPTION(FLOW_OPTION_TEXT, "syntax", "unquoted")};
static const flow_option kSeveral = {OPTION(FLOW_OPTION_INT, "several", "1\nother = 2")};
static const flow_option kType = {OPTION(FLOW_OPTION_INT, "wrong_type", "\"ten\"")};
static const flow_option kRange = {OPTION(FLOW_OPTION_SIZE, "range", "\"1KiB\""), .has_range = 1,
                                   .min = 4096, .max = 8192};
static const flow_option kUnit = {OPTION(FLOW_OPTION_DURATION, "unit", "\"10\"")};
static const flow_option kChoice = {OPTION(FLOW_OPTION_CHOICE, "colour", "\"rde\""),
                                    .choices = kColours};
static const flow_option* const kOptions[] = {&kSyntax, &kSeveral, &kType,
                                              &kRange,  &kUnit,    &kChoice};
static const flow_descriptor kDefaults = {TEST_TRANSFORM("defaults"), TEST_OPTIONS(kOptions)};

TEST_PLUGIN("org.flowrun.test.bad_defaults", &kDefaults);
