// What the library http.so exports.
#include "flow/plugin.hpp"

#include "operators/sinks/respond.hpp"
#include "operators/sinks/serve.hpp"
#include "operators/sources/http.hpp"

using flow::operators::HttpSource;
using flow::operators::RespondSink;
using flow::operators::ServeSink;

FLOW_PLUGIN_LICENSED("flowrun.http", "0.1.0", "Apache-2.0", HttpSource, RespondSink, ServeSink)
