#include "operators/common/csv_scanner.hpp"

#include <algorithm>

#include "operators/common/byte_places.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace flow::operators {
namespace {

// Looked at in one go: its places stay in the fast caches until they are used.
constexpr uint32_t kChunk = 16384;
// Few blocks have more places.
constexpr int kUsual = 8;

struct Wanted {
  char delimiter;
  char quote;
};

// Each: a bit for each of 64 bytes that decides.
#if defined(__SSE2__)
struct Sse2Find {
  Wanted wanted;
  uint64_t operator()(const char* at) const {
    uint64_t bits = 0;
    for (unsigned part = 0; part < 4; ++part) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + part);
      const auto equal = [bytes](char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
      const __m128i hits =
          _mm_or_si128(_mm_or_si128(equal(wanted.delimiter), equal(wanted.quote)), equal('\n'));
      bits |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(hits))} << (16 * part);
    }
    return bits;
  }
};

#define FLOW_AVX2 [[gnu::target("avx2,bmi,popcnt")]]
struct Avx2Find {
  Wanted wanted;
  FLOW_AVX2 uint64_t half(const char* at) const {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i delimiters = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(wanted.delimiter));
    const __m256i quotes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(wanted.quote));
    const __m256i feeds = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\n'));
    const __m256i hits = _mm256_or_si256(_mm256_or_si256(delimiters, quotes), feeds);
    return static_cast<uint32_t>(_mm256_movemask_epi8(hits));
  }
  FLOW_AVX2 uint64_t operator()(const char* at) const { return half(at) | half(at + 32) << 32; }
};
FLOW_AVX2 uint32_t* find_avx2(std::string_view text, uint32_t from, uint32_t to, Wanted wanted,
                              uint32_t* out) {
  return find_places<kUsual>(text, from, to, out, Avx2Find{wanted});
}
#undef FLOW_AVX2
#else
struct PlainFind {
  Wanted wanted;
  uint64_t operator()(const char* at) const {
    uint64_t bits = 0;
    for (unsigned i = 0; i < kBlock; ++i) {
      bits |= uint64_t{at[i] == wanted.delimiter || at[i] == wanted.quote || at[i] == '\n'} << i;
    }
    return bits;
  }
};
#endif

uint32_t* places_of(std::string_view text, uint32_t from, uint32_t to, Wanted wanted,
                    uint32_t* out) {
#if defined(__SSE2__)
  static const bool kAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                            __builtin_cpu_supports("popcnt");
  if (kAvx2) return find_avx2(text, from, to, wanted, out);
  return find_places<kUsual>(text, from, to, out, Sse2Find{wanted});
#else
  return find_places<kUsual>(text, from, to, out, PlainFind{wanted});
#endif
}

}  // namespace

// Without a quote, line feeds are looked for twice.
CsvScanner::CsvScanner(const CsvDialect& dialect)
    : delimiter_(dialect.delimiter), quote_(dialect.quote != 0 ? dialect.quote : '\n') {}

void CsvScanner::start(std::string_view text) {
  text_ = text;
  indexed_ = 0;
  at_ = end_ = nullptr;
}

void CsvScanner::refill() {
  const auto size = static_cast<uint32_t>(text_.size());
  const uint32_t room = std::min(size, kChunk) + kBlock + kUsual;
  if (places_.size() < room) places_.resize(room);
  uint32_t* out = places_.data() + 1;  // the place before, for back()
  if (end_ != nullptr) places_[0] = end_[-1];
  while (out == places_.data() + 1 && indexed_ < size) {
    const uint32_t to = size - indexed_ > kChunk ? indexed_ + kChunk : size;
    out = places_of(text_, indexed_, to, {delimiter_, quote_}, out);
    indexed_ = to;
  }
  if (out == places_.data() + 1) *out++ = size;
  at_ = places_.data() + 1;
  end_ = out;
}

void CsvScanner::skip_to(uint32_t place) {
  const auto size = static_cast<uint32_t>(text_.size());
  while (true) {
    if (at_ == end_) {
      // Whole chunks in between need no look.
      if (place > indexed_ && place - indexed_ > kChunk) indexed_ = std::min(place, size);
      refill();
    }
    if (*at_ >= place || *at_ == size) return;
    ++at_;
  }
}

}  // namespace flow::operators
