/* Ports without a name, twice, and with a key that no option names; a source with an input. */
#include "test_plugin.h"

static const flow_port kNameless = {.size = sizeof(flow_port), .doc = "D."};
static const flow_port kKeyed = {
    .size = sizeof(flow_port), .name = "in", .doc = "D.", .key_option = "key"};
static const flow_port* const kKeyedInputs[] = {&kKeyed};
static const flow_port* const kBadOutputs[] = {&kTestOut, &kTestOut, &kNameless, NULL};

#define TEXTS(type) \
  .name = (type), .summary = "S.", .doc = "D.", .example_toml = "type = \"" type "\""

static const flow_descriptor kPorts = {.size = sizeof(flow_descriptor),
                                       .kind = FLOW_TRANSFORM,
                                       TEXTS("ports"),
                                       .n_inputs = 1,
                                       .inputs = kKeyedInputs,
                                       .n_outputs = 4,
                                       .outputs = kBadOutputs};
static const flow_descriptor kFedSource = {.size = sizeof(flow_descriptor),
                                           .kind = FLOW_SOURCE,
                                           TEXTS("fed_source"),
                                           .n_inputs = 1,
                                           .inputs = kTestInputs};
static const flow_descriptor kIdleCodec = {
    .size = sizeof(flow_descriptor), .kind = FLOW_CODEC, TEXTS("idle_codec")};

TEST_PLUGIN("org.flowrun.test.bad_ports", &kPorts, &kFedSource, &kIdleCodec);
