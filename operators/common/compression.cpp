#include "operators/common/compression.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <new>

namespace flow::operators {
namespace {

class GzipDecompressor final : public Decompressor {
 public:
  GzipDecompressor() {
    // 15: the largest window; + 16: the gzip wrapper, with its checksum.
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  ~GzipDecompressor() override { inflateEnd(&stream_); }

  Step step(std::string_view input, char* output, size_t capacity) override {
    Step step;
    if (boundary_ && members_ > 0) {
      // Tapes and block devices pad with zeros behind the last member.
      const size_t padding = std::min(input.find_first_not_of('\0'), input.size());
      step.consumed = padding;
      input.remove_prefix(padding);
    }
    if (boundary_) {
      if (input.empty()) return step;
      if (static_cast<unsigned char>(input.front()) != 0x1f) {
        step.error = members_ == 0 ? "not in gzip format" : "bytes that are no gzip member follow";
        return step;
      }
      boundary_ = false;
    }
    constexpr size_t kMost = std::numeric_limits<uInt>::max();
    const auto given = static_cast<uInt>(std::min(input.size(), kMost));
    const auto room = static_cast<uInt>(std::min(capacity, kMost));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = given;
    stream_.next_out = reinterpret_cast<Bytef*>(output);
    stream_.avail_out = room;
    const int outcome = inflate(&stream_, Z_NO_FLUSH);
    step.consumed += given - stream_.avail_in;
    step.produced = room - stream_.avail_out;
    if (outcome == Z_STREAM_END) {
      boundary_ = true;
      ++members_;
      inflateReset(&stream_);
    } else if (outcome == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (outcome != Z_OK && outcome != Z_BUF_ERROR) {
      step.error = stream_.msg != nullptr ? stream_.msg : "invalid gzip data";
    }
    return step;
  }
  bool at_boundary() const override { return boundary_; }
  std::string_view unit() const override { return "gzip member"; }

 private:
  z_stream stream_{};
  bool boundary_ = true;
  int64_t members_ = 0;
};

class ZstdDecompressor final : public Decompressor {
 public:
  ZstdDecompressor() : stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
    first_ = wanted_ = ZSTD_initDStream(stream_);
  }
  ~ZstdDecompressor() override { ZSTD_freeDStream(stream_); }

  // Feeds exactly what zstd asks for, which is one block at a time, and nothing until the block
  // before is put out: where a block is damaged, zstd does not tell how much it had put out before
  // it in the same call.
  Step step(std::string_view input, char* output, size_t capacity) override {
    Step step;
    ZSTD_inBuffer in{input.data(), 0, 0};
    ZSTD_outBuffer out{output, capacity, 0};
    while (out.pos < out.size && (in.pos < input.size() || flushing_)) {
      const bool was_flushing = flushing_;
      in.size = was_flushing ? in.pos : std::min(input.size(), in.pos + wanted_);
      const size_t before_in = in.pos;
      const size_t before_out = out.pos;
      const size_t outcome = ZSTD_decompressStream(stream_, &out, &in);
      if (ZSTD_isError(outcome) != 0) {
        step.error = ZSTD_getErrorName(outcome);
        in.pos = before_in;
        out.pos = before_out;
        break;
      }
      boundary_ = outcome == 0;
      // Full: there may be more of the block that is decoded already.
      flushing_ = !boundary_ && out.pos == out.size;
      // A request of 0 ends a frame; taken bytes are no longer asked for.
      wanted_ = boundary_ ? first_ : outcome;
      if (in.pos == before_in && out.pos == before_out && !was_flushing) break;
    }
    step.consumed = in.pos;
    step.produced = out.pos;
    return step;
  }
  bool at_boundary() const override { return boundary_; }
  std::string_view unit() const override { return "zstd frame"; }

 private:
  ZSTD_DStream* stream_;
  size_t first_ = 0;   // what a frame's beginning takes
  size_t wanted_ = 0;  // bytes to hand over next
  bool boundary_ = true;
  bool flushing_ = false;
};

bool ends_with_ignoring_case(std::string_view text, std::string_view ending) {
  if (text.size() < ending.size()) return false;
  text.remove_prefix(text.size() - ending.size());
  return std::equal(text.begin(), text.end(), ending.begin(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

}  // namespace

Compression compression_by_extension(std::string_view path) {
  if (ends_with_ignoring_case(path, ".gz")) return Compression::kGzip;
  if (ends_with_ignoring_case(path, ".zst")) return Compression::kZstd;
  return Compression::kNone;
}

std::unique_ptr<Decompressor> make_decompressor(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return std::make_unique<GzipDecompressor>();
    case Compression::kZstd:
      return std::make_unique<ZstdDecompressor>();
    case Compression::kNone:
      break;
  }
  return nullptr;
}

}  // namespace flow::operators
