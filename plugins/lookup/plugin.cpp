// What ships in the plugin `lookup`: fields from tables.
#include "flow/plugin.hpp"

#include "operators/transforms/lookup.hpp"

FLOW_PLUGIN_LICENSED("flowrun.lookup", "0.1.0", "Apache-2.0", flow::operators::Lookup)
