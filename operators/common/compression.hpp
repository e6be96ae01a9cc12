// Decoding of compressed byte streams, piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace flow::operators {

enum class Compression : uint8_t { kNone, kGzip, kZstd };

// By the last extension, in any case: ".gz" and ".zst"; kNone for all else.
Compression compression_by_extension(std::string_view path);

// One stream of gzip members or zstd frames, any number of them one behind the other.
//
// Not thread-safe. Memory besides what the caller passes: about 40 KiB (gzip), or the window that
// the frame asks for plus 256 KiB (zstd: 2 MiB at level 3, 8 MiB at level 19, at most 128 MiB).
class Decompressor {
 public:
  struct Step {
    size_t consumed = 0;  // of the input
    size_t produced = 0;  // of the output, valid also where there is an error
    std::string error;    // not empty: the stream cannot be decoded from here on
  };

  Decompressor() = default;
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  virtual ~Decompressor() = default;

  // Decodes until the input is used up, the output is full, or a member or frame has ended. A step
  // without progress means that more input is needed.
  virtual Step step(std::string_view input, char* output, size_t capacity) = 0;
  // Whether the stream may end where it is: no member or frame is half read.
  virtual bool at_boundary() const = 0;
  // "gzip member", "zstd frame": for messages.
  virtual std::string_view unit() const = 0;
};

// NULL for kNone. Throws std::bad_alloc.
std::unique_ptr<Decompressor> make_decompressor(Compression compression);

}  // namespace flow::operators
