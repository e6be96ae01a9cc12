// What a pipeline file says, as plain values: names are not yet matched with operators.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/value.hpp"
#include "flow/abi.h"

namespace flowrun {

// A setting and where it was written; line 0 if it is a default.
template <typename T>
struct Placed {
  T value{};
  Place place;
};

// What becomes of failed rows whose `errors` port nothing reads.
enum class OnError { kDeadLetter, kDrop, kStop };

struct CheckpointSpecification {
  Place place;
  Placed<std::string> path;       // a folder
  Placed<std::int64_t> interval;  // nanoseconds
  Placed<std::int64_t> keep{3, {}};
};

// One entry of `inputs`: "id" or "id.port".
struct InputReference {
  std::string component;
  std::string port;  // empty: the component's only output, or its "out"
  Place place;

  std::string to_string() const { return port.empty() ? component : component + '.' + port; }
};

// The references that feed one input port.
struct InputSpecification {
  std::string port;  // empty: `inputs` was a list, for an operator with one input
  Place place;
  std::vector<InputReference> references;
};

// `encoding` or `decoding`: the name of a codec, or a table with `type` and its options.
struct CodecSpecification {
  Placed<std::string> type;
  Place place;
  Value::Table options;
};

struct ComponentSpecification {
  flow_kind kind = FLOW_TRANSFORM;
  std::string id;
  Place place;  // of the id in the table's header
  Placed<std::string> type;
  std::vector<InputSpecification> inputs;
  std::optional<Placed<OnError>> on_error;          // absent: the pipeline's
  std::optional<Placed<std::int64_t>> parallelism;  // keyed operators only; absent: the pipeline's
  std::optional<Placed<std::string>> renamed_from;  // the id that its state was kept under
  std::optional<CodecSpecification> encoding;       // sinks only
  std::optional<CodecSpecification> decoding;       // sources only
  Value::Table options;                             // all other keys

  // "sources.access_log"
  std::string key_path() const;
};

struct PipelineSpecification {
  Place place;  // of the file as a whole
  Placed<std::string> name;
  std::vector<Placed<std::string>> plugins;  // empty: all that are found
  Placed<std::int64_t> memory_limit;         // bytes
  Placed<std::int64_t> state_limit;          // bytes
  Placed<std::int64_t> in_flight;            // bytes
  Placed<std::int64_t> max_drift;            // nanoseconds; 0: none
  Placed<std::int64_t> parallelism;          // 0: one a core
  Placed<std::int64_t> batch_rows;
  Placed<std::int64_t> drain_timeout;  // nanoseconds
  std::optional<CheckpointSpecification> checkpoint;
  Placed<std::string> dead_letter;  // path of a file
  Placed<OnError> on_error;
  std::string notice;  // for whoever runs it, when the input has been read; "": none
  std::vector<ComponentSpecification> components;  // in file order
  // FNV-1a of the bytes of the file, of those it includes and of what --set says: the
  // `configuration` of dead letters.
  std::uint64_t content_hash = 0;

  // The component with this id, or nullptr.
  const ComponentSpecification* find(std::string_view id) const;
};

// "source", "transform", "window", "sink", "codec"; the name of the table adds an s.
std::string_view kind_name(flow_kind kind);

}  // namespace flowrun
