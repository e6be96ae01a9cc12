/* Ports without a name, twice, and with a key that no option names; a source with an input. */
#include "test_plugin.h"

static const flow_port nameless = {.size = sizeof(flow_port), .doc = "D."};
static const flow_port keyed = {
    .size = sizeof(flow_port), .name = "in", .doc = "D.", .key_option = "key"};
static const flow_port* const keyed_inputs[] = {&keyed};
static const flow_port* const bad_outputs[] = {&test_plugin_out, &test_plugin_out, &nameless, NULL};

#define TEXTS(type) \
  .name = type, .summary = "S.", .doc = "D.", .example_toml = "type = \"" type "\""

static const flow_descriptor ports = {.size = sizeof(flow_descriptor),
                                      .kind = FLOW_TRANSFORM,
                                      TEXTS("ports"),
                                      .n_inputs = 1,
                                      .inputs = keyed_inputs,
                                      .n_outputs = 4,
                                      .outputs = bad_outputs};
static const flow_descriptor fed_source = {.size = sizeof(flow_descriptor),
                                           .kind = FLOW_SOURCE,
                                           TEXTS("fed_source"),
                                           .n_inputs = 1,
                                           .inputs = test_plugin_inputs};
static const flow_descriptor idle_codec = {
    .size = sizeof(flow_descriptor), .kind = FLOW_CODEC, TEXTS("idle_codec")};

TEST_PLUGIN("org.flowrun.test.bad_ports", &ports, &fed_source, &idle_codec);
