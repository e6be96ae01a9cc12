// What somebody may have meant by a name that does not exist.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flow::operators {

// The one of `names` that is closest to `wanted`, the first of several; "" if none is close enough
// to be a slip: at most two letters, or a third of them, apart.
std::string nearest_name(const std::vector<std::string>& names, std::string_view wanted);

}  // namespace flow::operators
