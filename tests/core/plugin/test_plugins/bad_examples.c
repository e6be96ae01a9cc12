/* Examples that do not parse, name unknown options, lack a required one, or show another operator.
 */
#include "test_plugin.h"

static const flow_option field = {.size = sizeof(flow_option),
                                  .type = FLOW_OPTION_FIELD,
                                  .name = "field",
                                  .doc = "The column.",
                                  .required = 1};
static const flow_option* const options[] = {&field};

#define EXAMPLE(type, text)                                                                 \
  {                                                                                         \
    .size = sizeof(flow_descriptor), .kind = FLOW_TRANSFORM, .name = type, .summary = "S.", \
    .doc = "D.", .example_toml = text, .n_inputs = 1, .inputs = test_plugin_inputs,         \
    TEST_OPTIONS(options)                                                                   \
  }

static const flow_descriptor syntax = EXAMPLE("syntax", "[transforms.x\ntype = \"syntax\"\n");
static const flow_descriptor unknown =
    EXAMPLE("unknown",
            "[transforms.x]\ntype = \"unknown\"\ninputs = [\"a\"]\nfeild = \"b\"\n"
            "field = \"c\"\n");
static const flow_descriptor missing =
    EXAMPLE("missing", "[transforms.x]\ntype = \"missing\"\ninputs = [\"a\"]\n");
static const flow_descriptor another =
    EXAMPLE("another", "[transforms.x]\ntype = \"pass\"\ninputs = [\"a\"]\n");

TEST_PLUGIN("org.flowrun.test.bad_examples", &syntax, &unknown, &missing, &another);
