// What ships in the plugin `weblog`: everything for web servers' logs.
#include "flow/plugin.hpp"

#include "operators/transforms/geoip.hpp"
#include "operators/transforms/page_name.hpp"
#include "operators/transforms/parse_access_log.hpp"
#include "operators/transforms/user_agent.hpp"

FLOW_PLUGIN_LICENSED("flowrun.weblog", "0.1.0", "Apache-2.0", flow::operators::ParseAccessLog,
                     flow::operators::Geoip, flow::operators::IdentifyUserAgent,
                     flow::operators::PageName)
