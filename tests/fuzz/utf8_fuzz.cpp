// Any bytes: the scalar check agrees with simdjson's, and what is repaired is valid and changed
// only where it had to be.
#include <simdjson.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "flow/utf8.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool valid = flow::is_valid_utf8(text);
  if (valid != simdjson::validate_utf8(text.data(), text.size())) std::abort();
  std::string repaired;
  flow::append_repaired_utf8(text, repaired);
  if (!flow::is_valid_utf8(repaired)) std::abort();
  if (valid != (repaired == text)) std::abort();
  return 0;
}
