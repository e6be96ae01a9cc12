// What ships in the plugin `tables`: fields from tables, and rows into tables of SQLite.
#include "flow/plugin.hpp"

#include "operators/sinks/sqlite.hpp"
#include "operators/transforms/lookup.hpp"

FLOW_PLUGIN_LICENSED("flowrun.tables", "0.1.0", "Apache-2.0", flow::operators::Lookup,
                     flow::operators::SqliteSink)
