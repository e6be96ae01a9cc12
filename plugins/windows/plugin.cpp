// Event time and what is counted by it.
#include "flow/plugin.hpp"

#include "operators/transforms/event_time.hpp"
#include "operators/windows/count_window.hpp"
#include "operators/windows/join.hpp"
#include "operators/windows/session.hpp"
#include "operators/windows/sliding.hpp"
#include "operators/windows/tumbling.hpp"

FLOW_PLUGIN_LICENSED("flowrun.windows", "0.1.0", "Apache-2.0", flow::operators::EventTime,
                     flow::operators::Tumbling, flow::operators::Sliding, flow::operators::Session,
                     flow::operators::CountWindow, flow::operators::Join)
