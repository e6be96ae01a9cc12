// The keys of a component's table that are the host's: no option can have such a name.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace flow::host {

inline constexpr std::array<std::string_view, 7> kReservedKeys = {
    "type", "inputs", "on_error", "encoding", "decoding", "parallelism", "renamed_from"};

inline bool is_reserved_key(std::string_view name) {
  return std::find(kReservedKeys.begin(), kReservedKeys.end(), name) != kReservedKeys.end();
}

}  // namespace flow::host
