// What the library mqtt.so exports.
#include "flow/plugin.hpp"

#include "operators/sinks/mqtt.hpp"
#include "operators/sources/mqtt.hpp"

using flow::operators::MqttSink;
using flow::operators::MqttSource;

FLOW_PLUGIN_LICENSED("flowrun.mqtt", "0.1.0", "Apache-2.0", MqttSource, MqttSink)
