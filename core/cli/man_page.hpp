// flowrun.1, from what the commands say of themselves.
#pragma once

#include <string>

#include "core/cli/command_facts.hpp"

namespace flowrun::cli {

// The source of the manual page, for man(7)'s macros.
std::string man_page(const CommandFacts& program);

}  // namespace flowrun::cli
