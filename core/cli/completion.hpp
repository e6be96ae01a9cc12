// Completion for bash, from what the commands say of themselves.
#pragma once

#include <string>

#include "core/cli/command_facts.hpp"

namespace flowrun::cli {

// A script for bash-completion's folder, or to be sourced. Names of operators are asked from the
// installed flowrun when they are needed, so that those of any plugin are offered.
std::string bash_completion(const CommandFacts& program);

}  // namespace flowrun::cli
