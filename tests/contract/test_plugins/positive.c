/* A transform in plain C, without the C++ wrapper: keeps the rows whose int64 column `number` is
 * above zero, and drops the others. */
#include <stdlib.h>
#include <string.h>

#include "flow/abi.h"

static flow_status always_open(flow_operator* op, const flow_schema* const* schemas, uint32_t n) {
  (void)op;
  (void)schemas;
  (void)n;
  return FLOW_DONE;
}

static int is_present(const struct ArrowArray* array, int64_t row) {
  const uint8_t* bits = array->buffers[0];
  const int64_t at = array->offset + row;
  return bits == NULL || ((bits[at >> 3] >> (at & 7)) & 1) != 0;
}

static const flow_column* find_number(const flow_batch* batch) {
  for (uint32_t i = 0; i < batch->schema->n_fields; ++i) {
    const flow_field* field = batch->schema->fields[i];
    if (field->type == FLOW_INT64 && strcmp(field->name, "number") == 0) return batch->columns[i];
  }
  return NULL;
}

static flow_status keep_positive(flow_operator* op, uint32_t input, const flow_batch* batch) {
  const flow_host* host = op->self;
  const flow_column* number = find_number(batch);
  int32_t* rows = malloc(sizeof *rows * (size_t)(batch->rows + 1));
  int64_t n = 0;
  (void)input;
  if (rows == NULL) {
    host->error(host, "out of memory");
    return FLOW_FAILED;
  }
  for (int64_t row = 0; number != NULL && row < batch->rows; ++row) {
    const int64_t* values = (const int64_t*)number->array->buffers[1] + number->array->offset;
    if (is_present(number->array, row) && values[row] > 0) rows[n++] = (int32_t)row;
  }
  host->drop(host, batch->rows - n, "not positive");
  if (n > 0) {
    const flow_batch* kept = host->select(host, batch, rows, n);
    if (kept == NULL) {
      free(rows);
      host->error(host, "out of memory");
      return FLOW_FAILED;
    }
    host->emit(host, 0, kept, 0);
    kept->object.release(&kept->object);
  }
  free(rows);
  return FLOW_DONE;
}

static flow_status no_timer(flow_operator* op, flow_time kind, int64_t nanoseconds,
                            const flow_key* const* keys, uint32_t n_keys) {
  (void)op;
  (void)kind;
  (void)nanoseconds;
  (void)keys;
  (void)n_keys;
  return FLOW_DONE;
}

static flow_status no_watermark(flow_operator* op, int64_t watermark) {
  (void)op;
  (void)watermark;
  return FLOW_DONE;
}

static flow_status no_state(flow_operator* op, flow_buffer** state, int64_t* length) {
  (void)op;
  *state = NULL;
  *length = 0;
  return FLOW_DONE;
}

static flow_status nothing_to_restore(flow_operator* op, uint32_t version, const void* state,
                                      int64_t length) {
  (void)op;
  (void)version;
  (void)state;
  (void)length;
  return FLOW_DONE;
}

static flow_status nothing_to_close(flow_operator* op, int32_t drained) {
  (void)op;
  (void)drained;
  return FLOW_DONE;
}

static void destroy_instance(flow_operator* op) { free(op); }

static const void* no_extension(flow_operator* op, const char* id) {
  (void)op;
  (void)id;
  return NULL;
}

static flow_operator* make_instance(flow_component* component, const flow_host* host,
                                    flow_role role) {
  flow_operator* op = calloc(1, sizeof *op);
  (void)component;
  (void)role;
  if (op == NULL) {
    host->error(host, "out of memory");
    return NULL;
  }
  op->size = sizeof *op;
  op->self = (void*)host;
  op->open = always_open;
  op->process = keep_positive;
  op->timer = no_timer;
  op->advance = no_watermark;
  op->snapshot = no_state;
  op->restore = nothing_to_restore;
  op->close = nothing_to_close;
  op->destroy = destroy_instance;
  op->extension = no_extension;
  return op;
}

static void destroy_component(flow_component* component) { free(component); }

static const void* no_component_extension(flow_component* component, const char* id) {
  (void)component;
  (void)id;
  return NULL;
}

static flow_component* create(const flow_host* host, const flow_descriptor* descriptor,
                              const flow_value* const* options) {
  flow_component* component = calloc(1, sizeof *component);
  (void)descriptor;
  (void)options;
  if (component == NULL) {
    host->error(host, "out of memory");
    return NULL;
  }
  component->size = sizeof *component;
  component->instance = make_instance;
  component->destroy = destroy_component;
  component->extension = no_component_extension;
  return component;
}

static const flow_port kInPort = {
    .size = sizeof kInPort, .name = "in", .doc = "Rows with a number."};
static const flow_port kOutPort = {
    .size = sizeof kOutPort, .name = "out", .doc = "Those above zero."};
static const flow_port* const kInputs[] = {&kInPort};
static const flow_port* const kOutputs[] = {&kOutPort};

static const flow_descriptor kPositive = {
    .size = sizeof kPositive,
    .kind = FLOW_TRANSFORM,
    .traits = FLOW_STATELESS,
    .name = "positive",
    .summary = "Keeps rows whose number is above zero.",
    .doc = "Looks at the int64 column `number`; rows without one are dropped like the others.",
    .example_toml = "[transforms.above]\ntype = \"positive\"\ninputs = [\"numbers\"]\n",
    .inputs = kInputs,
    .n_inputs = 1,
    .outputs = kOutputs,
    .n_outputs = 1,
    .version = 1,
};
static const flow_descriptor* const kOperators[] = {&kPositive};

FLOW_EXPORT extern const flow_plugin flow_plugin_entry;
const flow_plugin flow_plugin_entry = {
    .size = sizeof flow_plugin_entry,
    .abi_major = FLOW_ABI_MAJOR,
    .abi_minor = FLOW_ABI_MINOR,
    .n_operators = 1,
    .id = "test.positive",
    .version = "1.0.0",
    .license = "Apache-2.0",
    .operators = kOperators,
    .create = create,
};
