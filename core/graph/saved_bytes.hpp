// Numbers and texts one behind the other, as the parts of a checkpoint hold them.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "core/state/byte_order.hpp"

namespace flowrun {

// The bytes are none that SavedWriter made.
struct SavedStateError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Numbers take eight bytes, least significant first; a text is its length and its bytes.
class SavedWriter {
 public:
  void number(std::uint64_t value) { put(bytes_, value); }
  void text(std::string_view value) {
    number(value.size());
    bytes_.append(value);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Throws SavedStateError where the bytes end too early.
class SavedReader {
 public:
  explicit SavedReader(std::string_view bytes) : left_(bytes) {}

  std::uint64_t number() {
    if (left_.size() < sizeof(std::uint64_t)) {
      throw SavedStateError("saved state ends in the middle of a number");
    }
    std::uint64_t value = 0;
    std::memcpy(&value, left_.data(), sizeof value);
    left_.remove_prefix(sizeof value);
    return little_endian(value);
  }
  std::string text() {
    const std::uint64_t size = number();
    if (size > left_.size()) throw SavedStateError("saved state ends in the middle of a text");
    std::string value(left_.substr(0, size));
    left_.remove_prefix(size);
    return value;
  }
  std::string_view rest() const { return left_; }
  bool at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
};

}  // namespace flowrun
