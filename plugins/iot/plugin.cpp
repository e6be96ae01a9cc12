// What ships in the plugin `iot`: everything for readings of sensors.
#include "flow/plugin.hpp"

#include "operators/sinks/evaluate.hpp"
#include "operators/transforms/alert.hpp"
#include "operators/transforms/detect_anomaly.hpp"
#include "operators/transforms/validate.hpp"

FLOW_PLUGIN_LICENSED("flowrun.iot", "0.1.0", "Apache-2.0", flow::operators::Validate,
                     flow::operators::DetectAnomaly, flow::operators::Alert,
                     flow::operators::Evaluate)
