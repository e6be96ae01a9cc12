// Where a part of a text value stands in its file.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/config/value.hpp"

namespace flowrun {

// The place of byte `offset` of a text value, inside its quotes: escapes, multi-line strings and
// characters of several bytes are gone through. `document` is the text of value.place.file. Where
// the value is no longer what stands there (a variable was expanded) it is the value's own place.
Place place_inside(const Value& value, std::size_t offset, std::string_view document);

}  // namespace flowrun
