#include "operators/common/csv_scanner.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace flow::operators {
namespace {

constexpr uint32_t kBlock = 64;
// Looked at in one go: its places stay in the fast caches until they are used.
constexpr uint32_t kChunk = 16384;
// Places are written eight at a time.
constexpr uint32_t kSlack = 8;

struct Wanted {
  char delimiter;
  char quote;
};

#if defined(__SSE2__)
struct Sse2Block {
  static inline uint64_t find(const char* at, Wanted wanted) {
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
struct Avx2Block {
  FLOW_AVX2 static inline uint64_t half(const char* at, Wanted wanted) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i delimiters = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(wanted.delimiter));
    const __m256i quotes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(wanted.quote));
    const __m256i feeds = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\n'));
    const __m256i hits = _mm256_or_si256(_mm256_or_si256(delimiters, quotes), feeds);
    return static_cast<uint32_t>(_mm256_movemask_epi8(hits));
  }
  FLOW_AVX2 static inline uint64_t find(const char* at, Wanted wanted) {
    return half(at, wanted) | half(at + 32, wanted) << 32;
  }
};
#else
struct PlainBlock {
  static inline uint64_t find(const char* at, Wanted wanted) {
    uint64_t bits = 0;
    for (unsigned i = 0; i < kBlock; ++i) {
      bits |= uint64_t{at[i] == wanted.delimiter || at[i] == wanted.quote || at[i] == '\n'} << i;
    }
    return bits;
  }
};
#endif

// Writes the places of the set bits, eight at a time: few blocks have more, and then the branch is
// foreseen.
[[gnu::always_inline]] inline uint32_t* write_places(uint64_t bits, uint32_t base, uint32_t* out) {
  const int count = __builtin_popcountll(bits);
  uint32_t* const end = out + count;
  while (out < end) {
    for (uint32_t i = 0; i < kSlack; ++i) {
      out[i] = base + static_cast<uint32_t>(__builtin_ctzll(bits | uint64_t{1} << 63));
      bits &= bits - 1;
    }
    out += kSlack;
  }
  return end;
}

// The places in [from, to) of `text`.
template <class Block>
[[gnu::always_inline]] inline uint32_t* find_places(std::string_view text, uint32_t from,
                                                    uint32_t to, Wanted wanted, uint32_t* out) {
  uint32_t at = from;
  for (; at + kBlock <= to; at += kBlock) {
    out = write_places(Block::find(text.data() + at, wanted), at, out);
  }
  if (at < to) {
    // What stands behind the text may not be read.
    std::array<char, kBlock> last{};
    std::memcpy(last.data(), text.data() + at, to - at);
    const uint64_t inside = (uint64_t{1} << (to - at)) - 1;
    out = write_places(Block::find(last.data(), wanted) & inside, at, out);
  }
  return out;
}

#if defined(__SSE2__)
FLOW_AVX2 uint32_t* find_places_avx2(std::string_view text, uint32_t from, uint32_t to,
                                     Wanted wanted, uint32_t* out) {
  return find_places<Avx2Block>(text, from, to, wanted, out);
}
#undef FLOW_AVX2
#endif

uint32_t* places_of(std::string_view text, uint32_t from, uint32_t to, Wanted wanted,
                    uint32_t* out) {
#if defined(__SSE2__)
  static const bool kAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                            __builtin_cpu_supports("popcnt");
  if (kAvx2) return find_places_avx2(text, from, to, wanted, out);
  return find_places<Sse2Block>(text, from, to, wanted, out);
#else
  return find_places<PlainBlock>(text, from, to, wanted, out);
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
  const uint32_t room = std::min(size, kChunk) + kBlock + kSlack;
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
