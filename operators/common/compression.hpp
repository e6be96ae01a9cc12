// Compressed byte streams: decoding them piece by piece, and making them frame by frame.
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

// Makes whole gzip members or zstd frames, which stand on their own: a file of them may be cut
// behind any one, and any two such files one behind the other are a third.
//
// Not thread-safe; one serves any number of files. Memory: 260 KiB (gzip), or 1 MiB to some 100 MiB
// by level (zstd; level 3: about 3 MiB).
class Compressor {
 public:
  Compressor() = default;
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  virtual ~Compressor() = default;

  // Replaces `out` with one member or frame of all of `bytes`, checksum included.
  virtual void compress(std::string_view bytes, std::string& out) = 0;
};

// Levels: gzip 1 to 9, zstd 1 to 19; 0: the usual one (6, 3).
inline constexpr int kMostGzipLevel = 9;
inline constexpr int kMostZstdLevel = 19;

// NULL for kNone. Throws std::bad_alloc.
std::unique_ptr<Compressor> make_compressor(Compression compression, int level);

}  // namespace flow::operators
