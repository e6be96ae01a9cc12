/* The C ABI between the flowrun engine (the host) and operators in shared libraries (plugins).
 *
 * Conventions, once for the whole header
 * - A plugin exports one data symbol, `flow_plugin_entry`, and hides the rest. Everything that
 *   describes it is readable from there without creating anything.
 * - Every struct starts with its `size` in bytes as its author compiled it, and grows only at the
 *   end. A reader looks at a member only if `size` covers it (FLOW_HAS). Arrays are arrays of
 *   pointers, so that their elements can grow too.
 * - Strings are UTF-8 and end in NUL unless a length stands beside them. A string or struct handed
 *   to a call is borrowed for that call only; one reachable from a descriptor lives as long as the
 *   library, which is never unloaded.
 * - Reference-counted objects (flow_buffer, flow_column, flow_schema, flow_batch) begin with a
 *   flow_object. Functions that make one return it with one reference, owned by the caller.
 *   Arguments are borrowed: whoever keeps one retains it. Once emitted or handed out, an object
 *   never changes.
 * - No exception, no longjmp and no C++ type crosses a function of this header.
 *
 * Thread tags
 *   [control]  one thread at a time for the whole component; never while a worker is inside the
 *              same instance.
 *   [worker]   any thread of the host, but never two at once inside one instance.
 *   [any]      any thread at any time; the callee synchronises.
 *
 * Versions: a host loads a plugin whose `abi_major` equals its own. `abi_minor` counts additions.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "flow/arrow.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FLOW_ABI_MAJOR 1
#define FLOW_ABI_MINOR 2

/* Whether `object`, whose author may have compiled an older header, has `member`. */
#define FLOW_HAS(type, object, member) \
  ((object)->size >= offsetof(type, member) + sizeof((object)->member))

typedef struct flow_host flow_host;

/* ---- outcomes -------------------------------------------------------------------------------- */

typedef int32_t flow_status;
enum {
  FLOW_DONE = 0,   /* The input is dealt with; a source: it emitted, poll again. */
  FLOW_MORE = 1,   /* Out of room: call again with the same input when there is room. */
  FLOW_RETRY = 2,  /* A passing trouble (told with host->error): call again with the same input
                      after a pause; the host backs off exponentially, and raises an alarm. */
  FLOW_IDLE = 3,   /* Source: nothing to read now; poll again after wake() or a short while. */
  FLOW_END = 4,    /* Source: every assigned partition has ended. */
  FLOW_FAILED = -1 /* The operator cannot go on (told with host->error): the pipeline stops. */
};

/* ---- data ------------------------------------------------------------------------------------ */

/* Logical types and their Arrow formats. Values are frozen. */
typedef int32_t flow_type;
enum {
  FLOW_BOOL = 1,      /* "b", one bit a row */
  FLOW_INT64 = 2,     /* "l" */
  FLOW_FLOAT64 = 3,   /* "g" */
  FLOW_TIMESTAMP = 4, /* "tsn:UTC", nanoseconds since 1970 */
  FLOW_TEXT = 5,      /* "vu", valid UTF-8 as 16-byte views into shared buffers */
  FLOW_BINARY = 6,    /* "vz", the same for any bytes */
  FLOW_CATEGORY = 7,  /* int32 codes "i" into a dictionary of "vu" */
  FLOW_STRUCT = 8,    /* "+s" */
  FLOW_LIST = 9,      /* "+l", int32 offsets */
  FLOW_JSON = 10      /* "vu" with extension name "arrow.json": a token as it was written */
};

/* Head of every reference-counted object. [any] */
typedef struct flow_object {
  void (*retain)(const struct flow_object* object);
  void (*release)(const struct flow_object* object);
} flow_object;

/* Host-allocated bytes, aligned to 64, charged to the pipeline's memory from allocation until the
 * last reference goes. Writable only by the one who allocated it, and only until it is handed on.
 */
typedef struct flow_buffer {
  flow_object object;
  uint32_t size; /* of this struct */
  uint32_t reserved;
  int64_t capacity; /* usable bytes at data */
  void* data;
} flow_buffer;

/* A 16-byte view, as Arrow lays it out: up to 12 bytes stand inline behind the length. */
typedef struct flow_view {
  int32_t length;
  char prefix[4];
  int32_t buffer;
  int32_t offset;
} flow_view;
#define FLOW_VIEW_INLINE 12

/* One column. `array` is the Arrow layout (its `offset` may be non-zero, its release is not the
 * reader's to call). For FLOW_TEXT, FLOW_BINARY and FLOW_JSON `data` are the variadic buffers in
 * the order the views number them, so that a new column can share them. A FLOW_STRUCT column has
 * offset 0, and where it is null its children are null too, so that a child can be read alone. */
typedef struct flow_column {
  flow_object object;
  uint32_t size;
  flow_type type;
  const struct ArrowArray* array;
  flow_buffer* const* data;
  int64_t n_data;
  const struct flow_column* const* children; /* struct fields; the one child of a list */
  int64_t n_children;
  const struct flow_column* dictionary; /* FLOW_CATEGORY; immutable once published */
} flow_column;

typedef struct flow_field {
  uint32_t size;
  flow_type type;
  const char* name;
  const struct flow_field* const* children; /* struct: its fields; list: one, of the elements */
  uint32_t n_children;
} flow_field;

/* Interned by the host: two batches have the same schema exactly if the pointers are equal. */
typedef struct flow_schema {
  flow_object object;
  uint32_t size;
  uint32_t n_fields;
  const flow_field* const* fields;
  const struct ArrowSchema* arrow; /* "+s" with one child a field */
} flow_schema;

/* Where the rows of a batch come from, and when what they tell of happened. `source` and
 * `partition` live as long as the pipeline. Who copies the struct sets `size` to that of the copy.
 */
typedef struct flow_origin {
  uint32_t size;
  uint32_t reserved;
  const char* source;          /* component id; NULL: made on the way */
  const char* partition;       /* eg: "logs/access.log" */
  const flow_column* position; /* FLOW_INT64: the source's own count (byte offset, row); or NULL */
  const flow_column* record;   /* FLOW_BINARY: the bytes each row was made of; or NULL */
  /* Since 1.2, both or neither, FLOW_TIMESTAMP without nulls. */
  const flow_column* event_time;
  const flow_column* watermark; /* the partition's as of that row: a row is late for a window
                                   exactly if the window ends at or before it */
} flow_origin;

typedef struct flow_batch {
  flow_object object;
  uint32_t size;
  uint32_t reserved;
  const flow_schema* schema;
  int64_t rows;
  const flow_column* const* columns; /* one a field, `rows` long */
  const flow_origin* origin;         /* never NULL; its members may be */
} flow_batch;

/* What a new column is made of. The host retains what it keeps; the caller's references stay the
 * caller's. Lengths are the caller's promise: validity at least (rows + 7) / 8 bytes, values at
 * least what the type asks for `rows` rows, every view inside the buffer it names. */
typedef struct flow_column_parts {
  uint32_t size;
  flow_type type;
  int64_t rows;
  int64_t null_count;    /* -1: the host counts */
  flow_buffer* validity; /* bit set = present; NULL: no nulls */
  flow_buffer* values;   /* bits, numbers, views, codes or list offsets (rows + 1); NULL: struct */
  flow_buffer* const* data; /* of views */
  int64_t n_data;
  const flow_column* const* children;
  int64_t n_children;
  const flow_column* dictionary;
} flow_column_parts;

/* ---- keyed state ----------------------------------------------------------------------------- */

#define FLOW_KEY_GROUPS 128
#define FLOW_PAGE_BYTES 65536

typedef struct flow_table flow_table; /* opaque */

/* A page of state. Before a write the operator looks at `frozen`; if set it calls host->thaw, which
 * keeps the old content for the checkpoint under way. The struct stays where it is as long as the
 * instance, so that an operator may remember it; `frozen` changes only between calls. */
typedef struct flow_page {
  uint32_t size;
  uint32_t frozen;
  void* data; /* FLOW_PAGE_BYTES, zero when new; the address is stable */
} flow_page;

/* The rows of the batch in process that belong to this instance of a keyed operator. */
typedef struct flow_keys {
  uint32_t size;
  uint32_t reserved;
  const int32_t* rows; /* ascending */
  int64_t n_rows;
  const uint64_t* hashes; /* one a row of the whole batch; the group is the topmost seven bits */
} flow_keys;

typedef struct flow_key {
  uint32_t size;
  uint32_t length;
  uint64_t hash;
  const void* bytes;
} flow_key;

typedef int32_t flow_time;
enum { FLOW_EVENT_TIME = 0, FLOW_PROCESSING_TIME = 1 };

/* ---- the host, as one instance sees it ------------------------------------------------------- */

typedef int32_t flow_log_level;
enum { FLOW_LOG_DEBUG = 0, FLOW_LOG_INFO = 1, FLOW_LOG_WARNING = 2, FLOW_LOG_ERROR = 3 };

enum { FLOW_FAIL_RETRYABLE = 1 }; /* flags of fail */
enum {                            /* flags of emit_from */
       FLOW_PARTITION_END = 1,
       FLOW_MAY_GO_ON = 2 /* since 1.2, with the end: what is read behind this position by a later
                             run is of the same stream, eg: a file that has grown */
};

struct flow_host {
  uint32_t size;
  uint32_t abi_minor;
  void* self; /* the host's own */

  /* data [any]. NULL on failure only where memory itself has run out. */
  flow_buffer* (*allocate)(const flow_host* host, int64_t bytes);
  const flow_column* (*column)(const flow_host* host, const flow_column_parts* parts);
  /* Duplicate names: NULL. */
  const flow_schema* (*schema)(const flow_host* host, const flow_field* const* fields,
                               uint32_t n_fields);
  /* `origin` NULL: none. */
  const flow_batch* (*batch)(const flow_host* host, const flow_schema* schema, int64_t rows,
                             const flow_column* const* columns, const flow_origin* origin);
  /* The named rows, ascending or not, origin included. Text is copied into a fresh buffer when the
   * rows use less than a quarter of the bytes that they would keep alive. */
  const flow_batch* (*select)(const flow_host* host, const flow_batch* batch, const int32_t* rows,
                              int64_t n_rows);
  /* Rows [first, first + n_rows), no copy. */
  const flow_batch* (*slice)(const flow_host* host, const flow_batch* batch, int64_t first,
                             int64_t n_rows);

  /* outcomes of rows [worker, from inside process, timer, advance, poll or close] */

  /* Batches that may be emitted on `port` now. At the start of a call it is at least 1. */
  int64_t (*room)(const flow_host* host, uint32_t port);
  /* Never blocks. `created` of the rows are new; the rest are rows of the input passed on. */
  void (*emit)(const flow_host* host, uint32_t port, const flow_batch* batch, int64_t created);
  /* Sources: with the partition and the position behind the batch's last row, from which `assign`
   * would go on. `batch` may be NULL, to move the position or to end the partition. */
  void (*emit_from)(const flow_host* host, const flow_batch* batch, const char* partition,
                    const void* position, uint32_t position_length, uint32_t flags);
  /* Sends row `row` of `batch` to `errors`. `reason`: a short fixed word (a metric label, eg:
   * "bad_timestamp"); `message`: for people, of any content. */
  void (*fail)(const flow_host* host, const flow_batch* batch, int64_t row, const char* reason,
               const char* message, uint32_t flags);
  void (*drop)(const flow_host* host, int64_t rows, const char* reason);
  void (*absorb)(const flow_host* host, int64_t rows);
  void (*late)(const flow_host* host, const flow_batch* batch);

  /* Blocking operators that answer later: `defer` takes the rows of the batch as outstanding and
   * returns a token, `done` [any] settles them: the batch passed on (or NULL), and the rows that
   * failed. A barrier, a watermark and the end wait for what is outstanding. */
  uint64_t (*defer)(const flow_host* host, const flow_batch* batch);
  void (*done)(const flow_host* host, uint64_t token, uint32_t port, const flow_batch* passed,
               const int32_t* failed_rows, int64_t n_failed, const char* reason,
               const char* message, uint32_t flags);

  /* keyed state and time [worker] */
  const flow_keys* (*keys)(const flow_host* host); /* NULL: the operator is not keyed */
  /* `version` is that of the records. NULL, with host->error told: the table was kept with records
   * of another version. */
  flow_table* (*table)(const flow_host* host, const char* name, uint32_t version);
  uint32_t (*page_count)(const flow_host* host, flow_table* table, uint32_t group, uint32_t area);
  /* Page `index` of an area of a key group; `index == page_count` adds one; NULL past state_limit.
   */
  flow_page* (*page)(const flow_host* host, flow_table* table, uint32_t group, uint32_t area,
                     uint32_t index);
  void (*thaw)(const flow_host* host, flow_table* table, flow_page* page);
  void (*timer)(const flow_host* host, flow_time kind, int64_t nanoseconds, const flow_key* key);

  /* Sources [any]: a partition exists; the host answers with assign on the source's thread. */
  void (*offer)(const flow_host* host, const char* partition);

  /* to be seen [any]. Metric handles last as long as the instance; same name, same handle. */
  uint64_t (*counter)(const flow_host* host, const char* name, const char* doc);
  uint64_t (*gauge)(const flow_host* host, const char* name, const char* doc);
  uint64_t (*histogram)(const flow_host* host, const char* name, const char* doc);
  void (*record)(const flow_host* host, uint64_t metric, double value);
  void (*log)(const flow_host* host, flow_log_level level, const char* message);
  /* Says why the call under way is going to return FLOW_RETRY or FLOW_FAILED, or create or
   * instance NULL. One sentence with the place and the remedy. */
  void (*error)(const flow_host* host, const char* message);
  int64_t (*now)(const flow_host* host); /* nanoseconds since 1970; tests turn this clock */
  int32_t (*stopping)(
      const flow_host* host); /* the run is being stopped at once: give up waiting */
  const void* (*extension)(const flow_host* host, const char* id);
};

/* ---- options --------------------------------------------------------------------------------- */

typedef int32_t flow_option_type;
enum {
  FLOW_OPTION_BOOL = 1,
  FLOW_OPTION_INT = 2,
  FLOW_OPTION_FLOAT = 3,
  FLOW_OPTION_TEXT = 4,
  FLOW_OPTION_DURATION = 5,    /* "10s", "5ms", "1h30m": integer, nanoseconds */
  FLOW_OPTION_SIZE = 6,        /* "256KiB", "1MB": integer, bytes */
  FLOW_OPTION_CHOICE = 7,      /* text, one of `choices` */
  FLOW_OPTION_FIELD = 8,       /* text: a column, dotted names reach inside */
  FLOW_OPTION_FIELDS = 9,      /* list of text */
  FLOW_OPTION_LIST = 10,       /* list of text */
  FLOW_OPTION_TABLE = 11,      /* names and values of any type */
  FLOW_OPTION_EXPRESSION = 12, /* text */
  FLOW_OPTION_SECRET = 13      /* text, never logged */
};

/* The host parses, defaults and range-checks; a plugin sees values only. */
typedef struct flow_option {
  uint32_t size;
  flow_option_type type;
  const char* name;
  const char* doc;          /* a sentence or more: effect, cost, a number to size it by */
  const char* default_toml; /* as written in a file, eg: "\"1MiB\""; NULL: absent unless given */
  int32_t required;
  int32_t has_range;
  double min, max;            /* inclusive, in the value's unit */
  const char* const* choices; /* NULL-terminated, or NULL */
} flow_option;

typedef struct flow_value {
  uint32_t size;
  flow_option_type type;                 /* of the value: BOOL, INT, FLOAT, TEXT, LIST or TABLE */
  int64_t integer;                       /* BOOL, INT */
  double number;                         /* FLOAT, and INT again */
  const char* text;                      /* TEXT */
  const struct flow_value* const* items; /* LIST, TABLE */
  const char* const* names;              /* TABLE: one an item */
  uint64_t n_items;
  const char* place; /* "file:line:col" for messages about this value; or NULL */
} flow_value;

/* ---- what an operator is --------------------------------------------------------------------- */

typedef int32_t flow_kind;
enum { FLOW_SOURCE = 1, FLOW_TRANSFORM = 2, FLOW_WINDOW = 3, FLOW_SINK = 4, FLOW_CODEC = 5 };

enum {                                /* traits */
       FLOW_STATELESS = 1 << 0,       /* any instance may take any batch: in parallel, fused */
       FLOW_KEYED = 1 << 1,           /* rows of one key go to one instance, in order */
       FLOW_SERIAL = 1 << 2,          /* one instance, batches in order */
       FLOW_BLOCKING = 1 << 3,        /* may wait inside a call: runs off the worker pool */
       FLOW_ORDER_DEPENDENT = 1 << 4, /* the result depends on arrival order across keys */
       FLOW_CLOCK_DEPENDENT = 1 << 5, /* the result depends on processing time */
       FLOW_BYTES = 1 << 6,    /* source: emits pieces of a byte stream that a codec frames and
                                  decodes; sink: takes what a codec encoded, one binary column */
       FLOW_MESSAGES = 1 << 7, /* source: every emitted binary row is one record, no framing needed;
                                  sink: rows are sent one by one, the codec adds no delimiter */
       FLOW_DECODES = 1 << 8,  /* codec */
       FLOW_ENCODES = 1 << 9,  /* codec */
       FLOW_TWO_PHASE = 1 << 10, /* sink: prepare makes output durable, commit makes it visible */
       FLOW_ANY_ROWS = 1 << 11,  /* sink: takes any rows, encoded ones if it is given a codec */
       FLOW_ONCE = 1 << 12       /* source, since 1.2: what it emitted cannot be read again. Where
                                    checkpoints are taken the host writes it to a journal, calls
                                    acknowledge when it is durable there, and after a restart
                                    reads it from there */
};

typedef struct flow_port {
  uint32_t size;
  uint32_t reserved;
  const char* name; /* "in", "out", "errors", "late", or the operator's own */
  const char* doc;
  const char*
      key_option; /* inputs of keyed operators: the option that names the key's fields;
                     outputs, since 1.1: a table option, for each entry of which the component
                     has an output of that name in this place, in the table's order */
} flow_port;

typedef struct flow_descriptor {
  uint32_t size;
  flow_kind kind;
  uint64_t traits;
  const char* name;    /* as `type` in a pipeline file; sources and sinks nouns, transforms verbs */
  const char* summary; /* one line */
  const char* doc;     /* paragraphs, Markdown */
  const char* example_toml; /* a component's table, loadable as it stands */
  const flow_option* const* options;
  uint32_t n_options;
  uint32_t n_inputs;
  const flow_port* const* inputs;
  const flow_port* const* outputs;
  uint32_t n_outputs;
  uint32_t version; /* of the state that snapshot writes */
} flow_descriptor;

typedef int32_t flow_role; /* what an instance of a codec is for; FLOW_ROLE_NONE for the rest */
enum {
  FLOW_ROLE_NONE = 0,
  FLOW_ROLE_FRAME = 1,         /* frame() only, on the source's thread */
  FLOW_ROLE_DECODE = 2,        /* process(): binary rows of whole records -> typed rows */
  FLOW_ROLE_ENCODE = 3,        /* process(): typed rows -> one binary column, delimiters included;
                                  a row a row, in order, but for those that it fails of the batch
                                  that it was given; FLOW_PROLOGUE_FIELD may stand beside it */
  FLOW_ROLE_ENCODE_MESSAGE = 4 /* the same without delimiters */
};

/* One running instance. Functions that a kind does not have are NULL; the others are not. */
typedef struct flow_operator {
  uint32_t size;
  uint32_t reserved;
  void* self;
  /* [control] Once, before anything else. One schema an input, NULL where it is not known yet. */
  flow_status (*open)(struct flow_operator* op, const flow_schema* const* schemas,
                      uint32_t n_schemas);
  /* [worker] */
  flow_status (*process)(struct flow_operator* op, uint32_t input, const flow_batch* batch);
  flow_status (*poll)(struct flow_operator* op);
  /* Timers set with host->timer, each once, of a kind in the order of their times: event time
   * before `advance` with a watermark that has reached them, processing time when the host's clock
   * has. All keys of one time by their bytes, at most some thousand a call. A timer set for a time
   * that has passed fires soon. At the end of all input every pending one fires, and those that
   * they set, for eight rounds; then come advance(INT64_MAX) and close. */
  flow_status (*timer)(struct flow_operator* op, flow_time kind, int64_t nanoseconds,
                       const flow_key* const* keys, uint32_t n_keys);
  /* No row with an event time below `watermark` (nanoseconds) follows. At the end of all input, and
   * before close, INT64_MAX. */
  flow_status (*advance)(struct flow_operator* op, int64_t watermark);
  /* Small state of serial operators. `*state` is a new buffer, `*length` its used bytes. */
  flow_status (*snapshot)(struct flow_operator* op, flow_buffer** state, int64_t* length);
  /* `version`: of the descriptor that wrote it. Once, behind open and before any input. A sink is
   * given the handle of its newest prepare, before the commits that may have to be repeated: it
   * goes on where that handle says, and takes back what it showed behind it. */
  flow_status (*restore)(struct flow_operator* op, uint32_t version, const void* state,
                         int64_t length);
  /* sources. `position` is what emit_from told, or NULL: from the start. After a restart the
   * partitions of the checkpoint are assigned, ended ones too, whether or not they were offered
   * again: one that is not there any more ends, and what is lost with it is told. [worker] */
  flow_status (*assign)(struct flow_operator* op, const char* partition, const void* position,
                        uint32_t position_length);
  flow_status (*revoke)(struct flow_operator* op, const char* partition);
  void (*wake)(struct flow_operator* op); /* [any]: makes a waiting poll return */
  /* Everything up to the position is durable downstream; the source may let it go. */
  flow_status (*acknowledge)(struct flow_operator* op, const char* partition, const void* position,
                             uint32_t position_length);
  /* sinks. `prepare` makes all that was processed durable and describes it in a handle. With
   * FLOW_TWO_PHASE `commit` makes it visible, is idempotent, and is repeated after a restart;
   * `abort` undoes it. [worker] */
  flow_status (*prepare)(struct flow_operator* op, uint64_t checkpoint, flow_buffer** handle,
                         int64_t* length);
  flow_status (*commit)(struct flow_operator* op, const void* handle, int64_t length);
  flow_status (*abort)(struct flow_operator* op, const void* handle, int64_t length);
  /* codecs: how many of the bytes are whole records; `final`: nothing follows. Never fails: bytes
   * that are no record are for decode to report. [worker] */
  int64_t (*frame)(struct flow_operator* op, const void* bytes, int64_t length, int32_t final);
  /* [worker] The last call but destroy. `drained`: all input was processed; a sink makes its output
   * final. May return FLOW_RETRY. */
  flow_status (*close)(struct flow_operator* op, int32_t drained);
  void (*destroy)(struct flow_operator* op); /* [control] */
  const void* (*extension)(struct flow_operator* op, const char* id);
} flow_operator;

/* What the instances of one component of a pipeline share: parsed options, databases, caches. */
typedef struct flow_component {
  uint32_t size;
  uint32_t reserved;
  void* self;
  /* [any] `host` lives as long as the instance. NULL: host->error says why. */
  flow_operator* (*instance)(struct flow_component* component, const flow_host* host,
                             flow_role role);
  void (*destroy)(struct flow_component* component); /* [control] after its last instance */
  const void* (*extension)(struct flow_component* component, const char* id);
} flow_component;

typedef struct flow_plugin {
  uint32_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t n_operators;
  const char* id;      /* reverse domain, eg: "com.acme.filters" */
  const char* version; /* of the plugin, eg: "1.0.0" */
  const char* license; /* SPDX, eg: "Apache-2.0" */
  const flow_descriptor* const* operators;
  /* [control] `options` has one value an option of the descriptor, in its order; NULL where the
   * option is absent; borrowed for the call. NULL: host->error says why. */
  flow_component* (*create)(const flow_host* host, const flow_descriptor* descriptor,
                            const flow_value* const* options);
} flow_plugin;

/* ---- extensions ------------------------------------------------------------------------------ */

/* Of a sink's component (FLOW_BYTES or FLOW_MESSAGES): columns of the rows that the codec encodes
 * which are to travel beside the encoded one. The host takes them from the codec's input and hands
 * the sink batches of the binary column followed by these, in this order, under the names
 * "kept:NAME". A column that a batch does not have is one of null texts. Costs a reference count a
 * batch and column. Without a codec the sink gets the rows as they are. The struct lives as long as
 * the component. */
#define FLOW_EXTENSION_KEPT_FIELDS "flow.kept_fields/1"
#define FLOW_KEPT_PREFIX "kept:"
typedef struct flow_kept_fields {
  uint32_t size;
  uint32_t n_fields;
  const char* const* fields; /* distinct; dotted names reach inside */
} flow_kept_fields;

/* What a stream of encoded rows begins with, such as the header line of a CSV file. An encoder of
 * FLOW_ROLE_ENCODE may put a second binary column of this name behind its bytes, with the same
 * value in all rows of a batch. It stays the last column, behind the kept ones. A sink begins each
 * file, or whatever it calls a stream, with the value of the file's first row; rows of another
 * value go into another file, or fail. A sink that has no streams leaves the column alone. Messages
 * have none. */
#define FLOW_PROLOGUE_FIELD "prologue"

/* Of the host: whether checkpoints are taken. Where they are, a sink of two phases shows output at
 * commit; where they are not (or the extension is missing) nobody calls commit, and it shows output
 * when it is finished. The struct lives as long as the instance. */
#define FLOW_EXTENSION_CHECKPOINTS "flow.checkpoints/1"
typedef struct flow_checkpoints {
  uint32_t size;
  int32_t enabled;
  /* Since 1.2: the next prepare is the last one, as all input has come to its end. What is finished
   * with it gets its name by the commit behind it, so that nothing is left for close to show. */
  int32_t ending;
  int32_t reserved;
} flow_checkpoints;

#if defined(_WIN32)
#define FLOW_EXPORT __declspec(dllexport)
#else
#define FLOW_EXPORT __attribute__((visibility("default")))
#endif
#define FLOW_PLUGIN_ENTRY "flow_plugin_entry"

/* ---- extensions since 1.1 -------------------------------------------------------------------- */

/* What is wrong with the value of an option, so that the host can point into the file. Borrowed for
 * the call that tells it. */
typedef struct flow_option_problem {
  uint32_t size;
  uint32_t reserved;
  const char* option;  /* its name */
  const char* item;    /* of a table: the name of the entry; of a list: its number, from "0" on;
                          NULL: the value itself */
  int64_t offset;      /* byte of the text that the trouble begins with; -1: the whole value */
  const char* message; /* eg: "there is no field 'hots'"; neither option nor place in it */
  const char* remedy;  /* eg: "did you mean 'host'?"; or NULL */
} flow_option_problem;

/* Extension of the host: flow_host.extension(FLOW_EXTENSION_OPTION_PROBLEM). */
#define FLOW_EXTENSION_OPTION_PROBLEM "flow.option_problem/1"
typedef struct flow_option_problem_host {
  uint32_t size;
  uint32_t reserved;
  /* [any] In the place of host->error, where an option is why create answers NULL. */
  void (*tell)(const flow_host* host, const flow_option_problem* problem);
} flow_option_problem_host;

/* What is known of rows before they are there. */
typedef struct flow_known_schema {
  uint32_t size;
  uint32_t open; /* 1: the rows may have columns beside these */
  const flow_schema* schema;
} flow_known_schema;

/* One question to a component, and where its answers go. Lives for the call. */
typedef struct flow_inference {
  uint32_t size;
  uint32_t n_inputs;
  void* self;                             /* the host's own */
  const flow_known_schema* const* inputs; /* one an input; NULL: not known */
  /* At most once a port; a port that is not told is not known. The host retains the schema. */
  void (*output)(const struct flow_inference* inference, uint32_t port,
                 const flow_known_schema* known);
  /* The component would refuse such rows, or could do nothing with them, because of an option. */
  void (*problem)(const struct flow_inference* inference, const flow_option_problem* problem);
  /* The rows can be worked on, but an option hardly means what it says, eg: a field that no row
   * has. The outputs are told all the same. */
  void (*warn)(const struct flow_inference* inference, const flow_option_problem* problem);
  /* An option makes the results depend on the run, which the descriptor does not say since other
   * values do not. `traits`: FLOW_CLOCK_DEPENDENT, FLOW_ORDER_DEPENDENT. `why`: the option, and
   * what in it does, eg: "calls now()". Told whether or not the inputs are known. */
  void (*depend)(const struct flow_inference* inference, uint64_t traits,
                 const flow_option_problem* why);
} flow_inference;

/* Extension of a component: flow_component.extension(FLOW_EXTENSION_SCHEMAS). */
#define FLOW_EXTENSION_SCHEMAS "flow.schemas/1"
typedef struct flow_schemas {
  uint32_t size;
  uint32_t reserved;
  /* [any] Says the columns of the outputs, given those of the inputs: in the order and of the types
   * that the batches will have (a category may turn into a text). Of a codec `role` is
   * FLOW_ROLE_DECODE or FLOW_ROLE_ENCODE. Reads no data; it may look at files that options name.
   * FLOW_FAILED with host->error: nothing is known, and why. */
  flow_status (*infer)(flow_component* component, const flow_host* host, flow_role role,
                       const flow_inference* inference);
} flow_schemas;

/* Extension of an instance of a codec: flow_operator.extension(FLOW_EXTENSION_STREAM_CONTEXT).
 *
 * The records of its streams need something that stands further up, such as the names in the first
 * line of a CSV file, or whether the stream goes on in the middle of a record. A decoder runs in
 * parallel, and a run may begin at a stored position: neither has seen what came before. So the
 * framer, which sees all of the stream, says what a reader must know: bytes that only the codec
 * understands, none at the beginning of a stream.
 *
 * The host asks for them before each frame() and gives them to the decoder with what that frame()
 * found: as column 1, "context", of its input, binary, one row a run. It keeps them beside each
 * position that it stores. A source of messages has no framer, and the decoder's input no column 1:
 * each message is a stream of its own. */
#define FLOW_EXTENSION_STREAM_CONTEXT "flow.stream_context/1"
typedef struct flow_stream_context {
  uint32_t size;
  uint32_t reserved;
  /* [worker] FLOW_ROLE_FRAME: the context of the byte behind those that frame() found whole so far.
   * `*bytes` is the operator's and stays until the next call. Returns the length. */
  int64_t (*get)(flow_operator* op, const void** bytes);
  /* [worker] FLOW_ROLE_FRAME, before the first frame(): the stream begins where `get` said this. */
  void (*set)(flow_operator* op, const void* bytes, int64_t length);
} flow_stream_context;

/* ---- extensions since 1.2 -------------------------------------------------------------------- */

/* Extension of the host, for serial transforms that know the event time of rows: what they tell
 * takes the place of the watermarks of their inputs. The host keeps the lowest over all partitions
 * that sources upstream have open (one that has not been told of yet holds the rest back), and
 * sends it on behind what the call emits. The struct lives as long as the instance. */
#define FLOW_EXTENSION_WATERMARKS "flow.watermarks/1"
typedef struct flow_watermarks {
  uint32_t size;
  uint32_t reserved;
  /* [control] From inside open, once: this component makes watermarks. A partition from which no
   * row has come for `idle` nanoseconds of processing time holds nobody back until its next row; 0:
   * each does for as long as it is open. */
  void (*begin)(const flow_host* host, int64_t idle);
  /* [worker] From inside process or restore: no row of the partition, named as in the origin, with
   * an event time below `watermark` follows. NULL, NULL: of rows without an origin. A source with
   * NULL: of all its partitions, told of or not. */
  void (*tell)(const flow_host* host, const char* source, const char* partition, int64_t watermark);
} flow_watermarks;

#ifdef __cplusplus
}
#endif
