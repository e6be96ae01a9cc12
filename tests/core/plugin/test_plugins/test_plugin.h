/* What the plugins of these tests share: a transform that passes its batches on, in plain C. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "flow/abi.h"

static const flow_port kTestIn = {.size = sizeof(flow_port), .name = "in", .doc = "Any rows."};
static const flow_port kTestOut = {
    .size = sizeof(flow_port), .name = "out", .doc = "The same rows."};
static const flow_port* const kTestInputs[] = {&kTestIn};
static const flow_port* const kTestOutputs[] = {&kTestOut};

/* One instance of one of the operators below; `self` of the component tells which. */
typedef struct TestInstance {
  flow_operator base;
  const flow_host* host;
  int batches;
} TestInstance;

static inline flow_status pass_open(flow_operator* op, const flow_schema* const* schemas,
                                    uint32_t n_schemas) {
  (void)op, (void)schemas, (void)n_schemas;
  return FLOW_DONE;
}

static inline flow_status pass_process(flow_operator* op, uint32_t input, const flow_batch* batch) {
  const flow_host* host = ((TestInstance*)op)->host;
  (void)input;
  if (host->room(host, 0) < 1) return FLOW_MORE;
  host->emit(host, 0, batch, 0);
  ((TestInstance*)op)->batches += 1;
  return FLOW_DONE;
}

static inline flow_status pass_advance(flow_operator* op, int64_t watermark) {
  (void)op, (void)watermark;
  return FLOW_DONE;
}

static inline flow_status pass_close(flow_operator* op, int32_t drained) {
  (void)op, (void)drained;
  return FLOW_DONE;
}

static inline void pass_destroy(flow_operator* op) { free(op); }

static inline const void* pass_extension(flow_operator* op, const char* id) {
  (void)op, (void)id;
  return NULL;
}

/* A new instance that passes everything on; the caller may replace functions of it. */
static inline TestInstance* pass_instance(const flow_host* host) {
  TestInstance* instance = calloc(1, sizeof *instance);
  if (instance == NULL) {
    host->error(host, "out of memory");
    return NULL;
  }
  instance->base.size = sizeof instance->base;
  instance->base.self = instance;
  instance->base.open = pass_open;
  instance->base.process = pass_process;
  instance->base.advance = pass_advance;
  instance->base.close = pass_close;
  instance->base.destroy = pass_destroy;
  instance->base.extension = pass_extension;
  instance->host = host;
  return instance;
}

static inline flow_operator* pass_component_instance(flow_component* component,
                                                     const flow_host* host, flow_role role) {
  TestInstance* instance = pass_instance(host);
  (void)component, (void)role;
  return instance == NULL ? NULL : &instance->base;
}

static inline void component_destroy(flow_component* component) { free(component); }

static inline const void* component_extension(flow_component* component, const char* id) {
  (void)component, (void)id;
  return NULL;
}

__attribute__((unused)) static flow_component* pass_create(const flow_host* host,
                                                           const flow_descriptor* descriptor,
                                                           const flow_value* const* options) {
  flow_component* component = calloc(1, sizeof *component);
  (void)options;
  if (component == NULL) {
    host->error(host, "out of memory");
    return NULL;
  }
  component->size = sizeof *component;
  component->self = (void*)descriptor;
  component->instance = pass_component_instance;
  component->destroy = component_destroy;
  component->extension = component_extension;
  return component;
}

/* A plugin that offers `...`, descriptors by address. */
#define TEST_PLUGIN(plugin_id, ...)                                     \
  static const flow_descriptor* const kTestOperators[] = {__VA_ARGS__}; \
  FLOW_EXPORT const flow_plugin flow_plugin_entry = {                   \
      .size = sizeof(flow_plugin),                                      \
      .abi_major = FLOW_ABI_MAJOR,                                      \
      .abi_minor = FLOW_ABI_MINOR,                                      \
      .n_operators = sizeof kTestOperators / sizeof kTestOperators[0],  \
      .id = plugin_id,                                                  \
      .version = "1.0.0",                                               \
      .license = "Apache-2.0",                                          \
      .operators = kTestOperators,                                      \
      .create = pass_create}

/* The members of a sound descriptor of a transform; members given behind it replace them. */
#define TEST_TRANSFORM(type)                                                                       \
  .size = sizeof(flow_descriptor), .kind = FLOW_TRANSFORM, .traits = FLOW_STATELESS,               \
  .name = (type), .summary = "Passes every row on.", .doc = "Does nothing to the rows.",           \
  .example_toml = "[transforms.same]\ntype = \"" type "\"\ninputs = [\"lines\"]\n", .n_inputs = 1, \
  .inputs = kTestInputs, .outputs = kTestOutputs, .n_outputs = 1

/* The options of a descriptor, by address. */
#define TEST_OPTIONS(array) .options = (array), .n_options = sizeof(array) / sizeof(array)[0]
