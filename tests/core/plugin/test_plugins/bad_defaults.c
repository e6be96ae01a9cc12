/* Defaults that do not parse, are of another type, out of range, or no choice. */
#include "test_plugin.h"

#define OPTION(option_type, option_name, default_value)                                       \
  .size = sizeof(flow_option), .type = option_type, .name = option_name, .doc = "Something.", \
  .default_toml = default_value

static const char* const colours[] = {"red", "green", NULL};

static const flow_option syntax = {OPTION(FLOW_OPTION_TEXT, "syntax", "unquoted")};
static const flow_option several = {OPTION(FLOW_OPTION_INT, "several", "1\nother = 2")};
static const flow_option type = {OPTION(FLOW_OPTION_INT, "wrong_type", "\"ten\"")};
static const flow_option range = {OPTION(FLOW_OPTION_SIZE, "range", "\"1KiB\""), .has_range = 1,
                                  .min = 4096, .max = 8192};
static const flow_option unit = {OPTION(FLOW_OPTION_DURATION, "unit", "\"10\"")};
static const flow_option choice = {OPTION(FLOW_OPTION_CHOICE, "colour", "\"rde\""),
                                   .choices = colours};
static const flow_option* const options[] = {&syntax, &several, &type, &range, &unit, &choice};
static const flow_descriptor defaults = {TEST_TRANSFORM("defaults"), TEST_OPTIONS(options)};

TEST_PLUGIN("org.flowrun.test.bad_defaults", &defaults);
