/* A plugin in plain C, built with the header of version 1.0, whose structs end before the last
 * member that the header has: as the objects of a plugin look to a host that knows more. */
#include <stdlib.h>
#include <string.h>

#include "../abi_1_0.h"

#define OLDER_OPERATOR_BYTES offsetof(flow_operator, extension)
#define OLDER_COMPONENT_BYTES offsetof(flow_component, extension)

struct counter {
  const flow_host* host;
  uint64_t metric;
  int64_t rows;
};

static struct counter* counter_of(flow_operator* op) { return op->self; }

static flow_status counter_open(flow_operator* op, const flow_schema* const* schemas, uint32_t n) {
  struct counter* self = counter_of(op);
  (void)schemas;
  (void)n;
  self->metric = self->host->gauge(self->host, "rows", "Rows so far.");
  return FLOW_DONE;
}

static flow_status counter_process(flow_operator* op, uint32_t input, const flow_batch* batch) {
  struct counter* self = counter_of(op);
  (void)input;
  self->rows += batch->rows;
  self->host->record(self->host, self->metric, (double)self->rows);
  self->host->emit(self->host, 0, batch, 0);
  return FLOW_DONE;
}

static flow_status counter_timer(flow_operator* op, flow_time kind, int64_t nanoseconds,
                                 const flow_key* const* keys, uint32_t n_keys) {
  (void)op;
  (void)kind;
  (void)nanoseconds;
  (void)keys;
  (void)n_keys;
  return FLOW_DONE;
}

static flow_status counter_advance(flow_operator* op, int64_t watermark) {
  (void)op;
  (void)watermark;
  return FLOW_DONE;
}

static flow_status counter_snapshot(flow_operator* op, flow_buffer** state, int64_t* length) {
  struct counter* self = counter_of(op);
  flow_buffer* buffer = self->host->allocate(self->host, sizeof self->rows);
  if (buffer == NULL) return FLOW_FAILED;
  memcpy(buffer->data, &self->rows, sizeof self->rows);
  *state = buffer;
  *length = sizeof self->rows;
  return FLOW_DONE;
}

static flow_status counter_restore(flow_operator* op, uint32_t version, const void* state,
                                   int64_t length) {
  struct counter* self = counter_of(op);
  if (version != 1 || length != (int64_t)sizeof self->rows) {
    self->host->error(self->host, "the state of count_rows has an unknown form");
    return FLOW_FAILED;
  }
  memcpy(&self->rows, state, sizeof self->rows);
  return FLOW_DONE;
}

static flow_status counter_close(flow_operator* op, int32_t drained) {
  (void)op;
  (void)drained;
  return FLOW_DONE;
}

static void counter_destroy(flow_operator* op) {
  free(op->self);
  free(op);
}

static flow_operator* make_instance(flow_component* component, const flow_host* host,
                                    flow_role role) {
  struct counter* self = calloc(1, sizeof *self);
  flow_operator* op = calloc(1, OLDER_OPERATOR_BYTES);
  (void)component;
  (void)role;
  if (self == NULL || op == NULL) {
    free(self);
    free(op);
    host->error(host, "out of memory");
    return NULL;
  }
  self->host = host;
  {
    /* The members that the older header had; the rest of the struct was never there. */
    const flow_operator known = {.size = OLDER_OPERATOR_BYTES,
                                 .self = self,
                                 .open = counter_open,
                                 .process = counter_process,
                                 .timer = counter_timer,
                                 .advance = counter_advance,
                                 .snapshot = counter_snapshot,
                                 .restore = counter_restore,
                                 .close = counter_close,
                                 .destroy = counter_destroy};
    memcpy(op, &known, OLDER_OPERATOR_BYTES);
  }
  return op;
}

static void destroy_component(flow_component* component) { free(component); }

static flow_component* create(const flow_host* host, const flow_descriptor* descriptor,
                              const flow_value* const* options) {
  flow_component* component = calloc(1, OLDER_COMPONENT_BYTES);
  (void)descriptor;
  (void)options;
  if (component == NULL) {
    host->error(host, "out of memory");
    return NULL;
  }
  {
    const flow_component known = {
        .size = OLDER_COMPONENT_BYTES, .instance = make_instance, .destroy = destroy_component};
    memcpy(component, &known, OLDER_COMPONENT_BYTES);
  }
  return component;
}

static const flow_port kInPort = {.size = sizeof kInPort, .name = "in", .doc = "Any rows."};
static const flow_port kOutPort = {.size = sizeof kOutPort, .name = "out", .doc = "The same rows."};
static const flow_port* const kInputs[] = {&kInPort};
static const flow_port* const kOutputs[] = {&kOutPort};

static const flow_descriptor kDescriptor = {
    .size = sizeof kDescriptor,
    .kind = FLOW_TRANSFORM,
    .traits = FLOW_SERIAL,
    .name = "count_rows",
    .summary = "Counts rows and passes them on.",
    .doc = "Counts the rows of its input in the metric `rows`.",
    .example_toml = "[transforms.count]\ntype = \"count_rows\"\ninputs = [\"numbers\"]\n",
    .inputs = kInputs,
    .n_inputs = 1,
    .outputs = kOutputs,
    .n_outputs = 1,
    .version = 1,
};
static const flow_descriptor* const kOperators[] = {&kDescriptor};

FLOW_EXPORT extern const flow_plugin flow_plugin_entry;
const flow_plugin flow_plugin_entry = {
    .size = sizeof flow_plugin_entry,
    .abi_major = FLOW_ABI_MAJOR,
    .abi_minor = FLOW_ABI_MINOR,
    .n_operators = 1,
    .id = "test.older",
    .version = "1.0.0",
    .license = "Apache-2.0",
    .operators = kOperators,
    .create = create,
};
