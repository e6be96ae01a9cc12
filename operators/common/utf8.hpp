// The SDK's UTF-8 functions under the operators' own namespace.
#pragma once

#include "flow/utf8.hpp"

namespace flow::operators {

using flow::append_repaired_utf8;
using flow::append_utf8;
using flow::is_valid_utf8;
using flow::utf8_step;
using flow::Utf8Step;

}  // namespace flow::operators
