// The operators that every installation has: made-up data, the standard input, commands, lines and
// JSON, fields and rows, the standard output.
#include "flow/plugin.hpp"

#include "operators/codecs/json.hpp"
#include "operators/codecs/lines.hpp"
#include "operators/codecs/pretty.hpp"
#include "operators/sinks/discard.hpp"
#include "operators/sinks/stdout.hpp"
#include "operators/sources/exec.hpp"
#include "operators/sources/generate.hpp"
#include "operators/sources/stdin.hpp"
#include "operators/transforms/cast.hpp"
#include "operators/transforms/compute.hpp"
#include "operators/transforms/deduplicate.hpp"
#include "operators/transforms/drop.hpp"
#include "operators/transforms/explode.hpp"
#include "operators/transforms/filter.hpp"
#include "operators/transforms/keep.hpp"
#include "operators/transforms/parse_json.hpp"
#include "operators/transforms/redact.hpp"
#include "operators/transforms/rename.hpp"
#include "operators/transforms/route.hpp"
#include "operators/transforms/sample.hpp"
#include "operators/transforms/throttle.hpp"

FLOW_PLUGIN_LICENSED("flowrun.std", "0.1.0", "Apache-2.0", flow::operators::Generate,
                     flow::operators::StdinSource, flow::operators::ExecSource,
                     flow::operators::Lines, flow::operators::Json, flow::operators::Pretty,
                     flow::operators::Filter, flow::operators::Keep, flow::operators::Drop,
                     flow::operators::Rename, flow::operators::Route, flow::operators::Compute,
                     flow::operators::ParseJson, flow::operators::Cast, flow::operators::Explode,
                     flow::operators::Redact, flow::operators::Sample, flow::operators::Deduplicate,
                     flow::operators::Throttle, flow::operators::StdoutSink,
                     flow::operators::DiscardSink)
