// What ships in the plugin `web`: requests to other services.
#include "flow/plugin.hpp"

#include "operators/sinks/webhook.hpp"

FLOW_PLUGIN_LICENSED("flowrun.web", "0.1.0", "Apache-2.0", flow::operators::WebhookSink)
