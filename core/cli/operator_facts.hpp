// Facts about operators and options as words, for the pages of `inspect`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flow/abi.h"

namespace flowrun::cli {

// "stateless", "keyed", ...: as the ABI names them.
std::vector<std::string> trait_names(std::uint64_t traits);

// What a trait means for who writes a pipeline; empty for those that only plugins care about.
std::string trait_meaning(const std::string& trait);

// "1 to 64", "at least 1", "1KiB to 512MiB"; empty: no range.
std::string range_text(const flow_option& option);

// Empty: any value of its type.
std::vector<std::string> choices_of(const flow_option& option);

// A key that every component of a kind takes beside its own options.
struct CommonKey {
  const char* name;
  const char* type;
  const char* doc;
};
std::vector<CommonKey> common_keys_of(const flow_descriptor& descriptor);

}  // namespace flowrun::cli
