// What ships in the plugin `shop`: everything for clicks of a shop's visitors.
#include "flow/plugin.hpp"

#include "operators/transforms/recommend.hpp"

FLOW_PLUGIN_LICENSED("flowrun.shop", "0.1.0", "Apache-2.0",  //
                     flow::operators::Recommend)
