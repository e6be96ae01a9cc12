// Text formats of the world: comma-separated values, logfmt, syslog, templates and patterns; each
// as a codec of streams, and as a transform of a column.
#include "flow/plugin.hpp"

#include "operators/codecs/csv.hpp"
#include "operators/codecs/logfmt.hpp"
#include "operators/codecs/raw.hpp"
#include "operators/codecs/syslog.hpp"
#include "operators/codecs/text.hpp"
#include "operators/transforms/parse_csv.hpp"
#include "operators/transforms/parse_logfmt.hpp"
#include "operators/transforms/parse_regex.hpp"
#include "operators/transforms/parse_syslog.hpp"

FLOW_PLUGIN_LICENSED("flowrun.formats", "0.1.0", "Apache-2.0", flow::operators::Csv,
                     flow::operators::Logfmt, flow::operators::Raw, flow::operators::Syslog,
                     flow::operators::TextCodec, flow::operators::ParseCsv,
                     flow::operators::ParseLogfmt, flow::operators::ParseRegex,
                     flow::operators::ParseSyslog)
