// Where reading of a file goes on, and how to tell that the file is still the same.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flow::operators {

// A place in the (decompressed) bytes of a file, with a fingerprint of the bytes just before it.
// Content is compared and not device and inode, which change when a volume is mounted again or a
// file is restored from a backup, and stay when a file is truncated and written anew.
struct FilePosition {
  // Bytes before the place that the fingerprint covers, fewer at the beginning of a file.
  static constexpr int64_t kWindow = 1024;
  static constexpr size_t kEncodedBytes = 16;
  static constexpr uint64_t kAtEnd = uint64_t{1} << 63;

  int64_t offset = 0;
  uint64_t fingerprint = 0;
  bool at_end = false;  // the file had nothing more

  // FNV-1a of at most kWindow bytes: about a microsecond.
  static uint64_t fingerprint_of(std::string_view bytes) {
    uint64_t hash = 14695981039346656037ULL;
    for (const char byte : bytes) {
      hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
    }
    return hash;
  }

  // Offset and fingerprint, eight bytes each, least significant byte first; the topmost bit of the
  // offset is `at_end`. Part of checkpoints.
  std::string encode() const {
    std::string bytes;
    for (const uint64_t number :
         {static_cast<uint64_t>(offset) | (at_end ? kAtEnd : 0), fingerprint}) {
      for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(number >> shift);
    }
    return bytes;
  }
  // Nothing if the bytes are none of encode's.
  static std::optional<FilePosition> decode(std::string_view bytes) {
    if (bytes.size() != kEncodedBytes) return std::nullopt;
    std::array<uint64_t, 2> numbers{};
    for (size_t i = 0; i < bytes.size(); ++i) {
      numbers[i / 8] |= uint64_t{static_cast<unsigned char>(bytes[i])} << (i % 8 * 8);
    }
    return FilePosition{static_cast<int64_t>(numbers[0] & ~kAtEnd), numbers[1],
                        (numbers[0] & kAtEnd) != 0};
  }
};

}  // namespace flow::operators
