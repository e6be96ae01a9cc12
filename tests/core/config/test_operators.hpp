// A plugin inside the test program, with operators of every kind, for tests of binding.
#pragma once

#include "flow/abi.h"

namespace flowrun {

// Sources: `bytes` (BYTES), `messages` (MESSAGES), `rows`. Transforms: `pass`, `match` (option
// `field`, required; outputs out, rejected, errors), `split` (outputs left and right), `join`
// (inputs left and right). Sinks: `store` (BYTES; option `path` required, `password` secret),
// `send` (MESSAGES), `table` (rows; output errors). `twin`: a source and a sink. Codecs: `lines`
// (decodes), `json` (both, option `nulls`; outputs out and errors), `report` (encodes).
const flow_plugin& test_operators();

}  // namespace flowrun
