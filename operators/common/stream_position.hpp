// The position of a byte stream that cannot be read again: how many bytes came before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flow::operators {

// Eight bytes, least significant byte first. Part of checkpoints.
inline std::string encode_stream_position(int64_t bytes) {
  std::string encoded;
  for (int shift = 0; shift < 64; shift += 8) {
    encoded += static_cast<char>(static_cast<uint64_t>(bytes) >> shift);
  }
  return encoded;
}

// Nothing if the bytes are none of encode_stream_position's.
inline std::optional<int64_t> decode_stream_position(std::string_view encoded) {
  if (encoded.size() != sizeof(int64_t)) return std::nullopt;
  uint64_t bytes = 0;
  for (size_t i = 0; i < encoded.size(); ++i) {
    bytes |= uint64_t{static_cast<unsigned char>(encoded[i])} << (i * 8);
  }
  if (bytes > INT64_MAX) return std::nullopt;
  return static_cast<int64_t>(bytes);
}

}  // namespace flow::operators
