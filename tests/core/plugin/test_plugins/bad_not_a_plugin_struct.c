/* Exports the symbol, but what stands there is something else. */
#include <stdint.h>

extern const uint32_t flow_plugin_entry[2];
__attribute__((visibility("default"))) const uint32_t flow_plugin_entry[2] = {4, 0};
