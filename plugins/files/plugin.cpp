// What the library files.so exports.
#include "flow/plugin.hpp"

#include "operators/sinks/file.hpp"
#include "operators/sources/file.hpp"

using flow::operators::FileSink;
using flow::operators::FileSource;

FLOW_PLUGIN_LICENSED("flowrun.files", "0.1.0", "Apache-2.0", FileSource, FileSink)
