// Numbers and strings in the byte order of files: little endian, whatever the machine's is.
#pragma once

#include <xxhash.h>

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace flowrun {

template <std::integral T>
T little_endian(T value) {
  if constexpr (std::endian::native == std::endian::little) {
    return value;
  } else {
    T turned = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) {
      turned = static_cast<T>(turned << 8 | (static_cast<std::uint64_t>(value) >> (8 * i) & 255));
    }
    return turned;
  }
}

template <std::integral T>
void put(std::string& bytes, T value) {
  const T stored = little_endian(value);
  bytes.append(reinterpret_cast<const char*>(&stored), sizeof stored);
}
// With its length in front, as 32 bits.
inline void put_text(std::string& bytes, std::string_view text) {
  put(bytes, static_cast<std::uint32_t>(text.size()));
  bytes += text;
}

// Takes bytes apart from front to back. Whoever reads past the end gets zeros and empty strings,
// and good() is false from then on.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : left_(bytes) {}

  template <std::integral T>
  T get() {
    const std::string_view bytes = take(sizeof(T));
    T stored = 0;
    if (!bytes.empty()) std::memcpy(&stored, bytes.data(), sizeof stored);
    return little_endian(stored);
  }
  std::string_view text() { return take(get<std::uint32_t>()); }
  std::string_view take(std::uint64_t count) {
    if (count > left_.size()) {
      good_ = false;
      left_ = {};
      return {};
    }
    const std::string_view taken = left_.substr(0, static_cast<std::size_t>(count));
    left_.remove_prefix(taken.size());
    return taken;
  }
  bool good() const { return good_; }
  std::size_t left() const { return left_.size(); }

 private:
  std::string_view left_;
  bool good_ = true;
};

inline std::uint64_t checksum_of(std::string_view bytes, std::uint64_t seed = 0) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace flowrun
