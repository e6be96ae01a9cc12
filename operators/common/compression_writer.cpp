#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>

#include "operators/common/compression.hpp"

namespace flow::operators {
namespace {

class GzipCompressor final : public Compressor {
 public:
  explicit GzipCompressor(int level) {
    // 15: the largest window; + 16: the gzip wrapper; 8: the usual memory.
    const int used = level == 0 ? Z_DEFAULT_COMPRESSION : std::min(level, kMostGzipLevel);
    if (deflateInit2(&stream_, used, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~GzipCompressor() override { deflateEnd(&stream_); }

  void compress(std::string_view bytes, std::string& out) override {
    deflateReset(&stream_);
    out.clear();
    constexpr size_t kMost = std::numeric_limits<uInt>::max() / 2;
    int outcome = Z_OK;
    while (outcome != Z_STREAM_END) {
      const size_t given = std::min(bytes.size(), kMost);
      const size_t used = out.size();
      const size_t room = deflateBound(&stream_, static_cast<uLong>(given)) + 64;
      out.resize(used + room);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream_.avail_in = static_cast<uInt>(given);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + used);
      stream_.avail_out = static_cast<uInt>(room);
      outcome = deflate(&stream_, given == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
      if (outcome == Z_STREAM_ERROR) throw std::runtime_error("deflate refuses its input");
      bytes.remove_prefix(given - stream_.avail_in);
      out.resize(used + room - stream_.avail_out);
    }
  }

 private:
  z_stream stream_{};
};

class ZstdCompressor final : public Compressor {
 public:
  explicit ZstdCompressor(int level) : context_(ZSTD_createCCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    const int used = level == 0 ? ZSTD_CLEVEL_DEFAULT : std::min(level, kMostZstdLevel);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, used);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
  }
  ~ZstdCompressor() override { ZSTD_freeCCtx(context_); }

  void compress(std::string_view bytes, std::string& out) override {
    out.resize(ZSTD_compressBound(bytes.size()));
    const size_t size =
        ZSTD_compress2(context_, out.data(), out.size(), bytes.data(), bytes.size());
    if (ZSTD_isError(size) != 0) throw std::runtime_error(ZSTD_getErrorName(size));
    out.resize(size);
  }

 private:
  ZSTD_CCtx* context_;
};

}  // namespace

std::unique_ptr<Compressor> make_compressor(Compression compression, int level) {
  switch (compression) {
    case Compression::kGzip:
      return std::make_unique<GzipCompressor>(level);
    case Compression::kZstd:
      return std::make_unique<ZstdCompressor>(level);
    case Compression::kNone:
      break;
  }
  return nullptr;
}

}  // namespace flow::operators
