// What a failed row looks like on an `errors` port.
#pragma once

#include "flow/inference.hpp"

namespace flowrun {

// The columns of dead letters, whichever component they come from.
inline flow::Fields dead_letter_fields() {
  using flow::Type;
  return {{"time", Type::timestamp()},   {"component", Type::text()},
          {"reason", Type::text()},      {"message", Type::text()},
          {"attempt", Type::int64()},    {"source", Type::text()},
          {"partition", Type::text()},   {"position", Type::int64()},
          {"configuration", Type::text()}, {"record", Type::text()},
          {"record_bytes", Type::binary()}};
}

}  // namespace flowrun
