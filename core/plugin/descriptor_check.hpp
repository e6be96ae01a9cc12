// What the host demands of a plugin's entry and descriptors before it shows or runs anything.
#pragma once

#include <string>
#include <vector>

#include "flow/abi.h"

namespace flowrun {

// Every reason to refuse the plugin; empty if there is none. With another abi_major, or a struct
// that is too small to be one, nothing further can be read, and that one reason stands alone.
std::vector<std::string> plugin_problems(const flow_plugin& plugin);

}  // namespace flowrun
