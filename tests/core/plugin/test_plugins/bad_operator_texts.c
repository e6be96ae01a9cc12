/* Operators that lack a name, a summary, a doc, an example, a kind and ports. */
#include "test_plugin.h"

#define BASE .size = sizeof(flow_descriptor), .kind = FLOW_TRANSFORM
#define PORTS .n_inputs = 1, .inputs = kTestInputs

static const flow_descriptor kNoName = {BASE, .summary = "S.", .doc = "D.", PORTS};
static const flow_descriptor kNoSummary = {BASE, .name = "no_summary", .doc = "D.",
                                           .example_toml = "type = \"no_summary\"", PORTS};
static const flow_descriptor kNoDoc = {
    BASE, .name = "no_doc", .summary = "S.", .doc = "", .example_toml = "type = \"no_doc\"", PORTS};
static const flow_descriptor kNoExample = {BASE, .name = "no_example", .summary = "S.", .doc = "D.",
                                           PORTS};
static const flow_descriptor kNoKind = {.size = sizeof(flow_descriptor), .name = "no_kind"};
static const flow_descriptor kNoInput = {BASE, .name = "no_input", .summary = "S.", .doc = "D.",
                                         .example_toml = "type = \"no_input\""};

TEST_PLUGIN("org.flowrun.test.bad_operator_texts", &kNoName, &kNoSummary, &kNoDoc, &kNoExample,
            &kNoKind, &kNoInput);
