// Numbers and texts one behind the other, as the parts of a checkpoint hold them.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace flowrun {

// The bytes are none that SavedWriter made.
struct SavedStateError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Numbers take eight bytes, least significant first; a text is its length and its bytes.
class SavedWriter {
 public:
  void number(std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) bytes_ += static_cast<char>(value >> shift);
  }
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
    if (left_.size() < 8) throw SavedStateError("ends in the middle of a number");
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(left_[i])} << (8 * i);
    }
    left_.remove_prefix(8);
    return value;
  }
  std::string text() {
    const std::uint64_t size = number();
    if (size > left_.size()) throw SavedStateError("ends in the middle of a text");
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
