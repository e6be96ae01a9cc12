// The operators that every installation has: made-up data, lines and JSON, fields and rows, the
// standard output.
#include "flow/plugin.hpp"

#include "operators/codecs/json.hpp"
#include "operators/codecs/lines.hpp"
#include "operators/sinks/discard.hpp"
#include "operators/sinks/stdout.hpp"
#include "operators/sources/generate.hpp"
#include "operators/transforms/compute.hpp"
#include "operators/transforms/drop.hpp"
#include "operators/transforms/filter.hpp"
#include "operators/transforms/keep.hpp"
#include "operators/transforms/rename.hpp"
#include "operators/transforms/route.hpp"

FLOW_PLUGIN_LICENSED("flowrun.std", "0.1.0", "Apache-2.0", flow::operators::Generate,
                     flow::operators::Lines, flow::operators::Json, flow::operators::Filter,
                     flow::operators::Route, flow::operators::Compute, flow::operators::Keep,
                     flow::operators::Drop, flow::operators::Rename, flow::operators::StdoutSink,
                     flow::operators::DiscardSink)
