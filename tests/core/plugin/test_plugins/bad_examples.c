/* Examples that do not parse, name unknown options, lack a required one, or show another operator.
 */
#include "test_plugin.h"

static const flow_option kField = {.size = sizeof(flow_option),
                                   .type = FLOW_OPTION_FIELD,
                                   .name = "field",
                                   .doc = "The column.",
                                   .required = 1};
static const flow_option* const kOptions[] = {&kField};

#define EXAMPLE(type, text)                                                                   \
  {                                                                                           \
    .size = sizeof(flow_descriptor), .kind = FLOW_TRANSFORM, .name = (type), .summary = "S.", \
    .doc = "D.", .example_toml = (text), .n_inputs = 1, .inputs = kTestInputs,                \
    TEST_OPTIONS(kOptions)                                                                    \
  }

static const flow_descriptor kSyntax = EXAMPLE("syntax", "[transforms.x\ntype = \"syntax\"\n");
static const flow_descriptor kUnknown =
    EXAMPLE("unknown",
            "[transforms.x]\ntype = \"unknown\"\ninputs = [\"a\"]\nfeild = \"b\"\n"
            "field = \"c\"\n");
static const flow_descriptor kMissing =
    EXAMPLE("missing", "[transforms.x]\ntype = \"missing\"\ninputs = [\"a\"]\n");
static const flow_descriptor kAnother =
    EXAMPLE("another", "[transforms.x]\ntype = \"pass\"\ninputs = [\"a\"]\n");

TEST_PLUGIN("org.flowrun.test.bad_examples", &kSyntax, &kUnknown, &kMissing, &kAnother);
