/* Loads, and fails later: `bad_open` when it is opened, `bad_midstream` at its fourth batch. */
#include "test_plugin.h"

static const flow_descriptor kBadOpen = {TEST_TRANSFORM("bad_open")};
static const flow_descriptor kBadMidstream = {TEST_TRANSFORM("bad_midstream")};

static flow_status fail_to_open(flow_operator* op, const flow_schema* const* schemas,
                                uint32_t n_schemas) {
  const flow_host* host = ((TestInstance*)op)->host;
  (void)schemas, (void)n_schemas;
  host->error(host, "bad_open never opens: use another operator");
  return FLOW_FAILED;
}

static flow_status fail_after_three(flow_operator* op, uint32_t input, const flow_batch* batch) {
  TestInstance* instance = (TestInstance*)op;
  if (instance->batches < 3) return pass_process(op, input, batch);
  instance->host->error(instance->host, "bad_midstream gives up after three batches");
  return FLOW_FAILED;
}

static flow_operator* failing_instance(flow_component* component, const flow_host* host,
                                       flow_role role) {
  TestInstance* instance = pass_instance(host);
  (void)role;
  if (instance == NULL) return NULL;
  if (component->self == &kBadOpen) {
    instance->base.open = fail_to_open;
  } else {
    instance->base.process = fail_after_three;
  }
  return &instance->base;
}

static flow_component* failing_create(const flow_host* host, const flow_descriptor* descriptor,
                                      const flow_value* const* options) {
  flow_component* component = pass_create(host, descriptor, options);
  if (component != NULL) component->instance = failing_instance;
  return component;
}

static const flow_descriptor* const kOperators[] = {&kBadOpen, &kBadMidstream};

FLOW_EXPORT const flow_plugin flow_plugin_entry = {.size = sizeof(flow_plugin),
                                                   .abi_major = FLOW_ABI_MAJOR,
                                                   .abi_minor = FLOW_ABI_MINOR,
                                                   .n_operators = 2,
                                                   .id = "org.flowrun.test.failing",
                                                   .version = "1.0.0",
                                                   .license = "Apache-2.0",
                                                   .operators = kOperators,
                                                   .create = failing_create};
