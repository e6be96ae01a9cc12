// Where a text stops being JSON.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace flow::operators {

// How deep values may be nested in each other.
inline constexpr int kMostJsonDepth = 1024;

struct JsonError {
  size_t offset;     // of the first byte that cannot be
  const char* what;  // eg: "a comma or '}' is missing"
};

// Checks `text` against RFC 8259, UTF-8 aside; none: it is one JSON value. About 3 ns a byte: meant
// for texts that a faster parser has refused without saying where.
std::optional<JsonError> find_json_error(std::string_view text);

}  // namespace flow::operators
