#include "operators/common/newlines.hpp"

#include "operators/common/byte_places.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace flow::operators {
namespace {

// Most blocks have none, and nearly all others one.
constexpr int kUsual = 2;

#if defined(__SSE2__)
uint32_t* find_sse2(std::string_view window, uint32_t* out) {
  return find_places<kUsual>(
      window, 0, static_cast<uint32_t>(window.size()), out, [](const char* at) {
        uint64_t bits = 0;
        for (unsigned part = 0; part < 4; ++part) {
          const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + part);
          const int hits = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')));
          bits |= uint64_t{static_cast<uint32_t>(hits)} << (16 * part);
        }
        return bits;
      });
}

#define FLOW_AVX2 [[gnu::target("avx2,bmi,popcnt")]]
struct Avx2Find {
  FLOW_AVX2 static inline uint64_t half(const char* at) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i hits = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\n'));
    return static_cast<uint32_t>(_mm256_movemask_epi8(hits));
  }
  FLOW_AVX2 uint64_t operator()(const char* at) const { return half(at) | half(at + 32) << 32; }
};
FLOW_AVX2 uint32_t* find_avx2(std::string_view window, uint32_t* out) {
  return find_places<kUsual>(window, 0, static_cast<uint32_t>(window.size()), out, Avx2Find());
}
#undef FLOW_AVX2
#else
uint32_t* find_plain(std::string_view window, uint32_t* out) {
  return find_places<kUsual>(window, 0, static_cast<uint32_t>(window.size()), out,
                             [](const char* at) {
                               uint64_t bits = 0;
                               for (unsigned i = 0; i < 64; ++i) {
                                 bits |= uint64_t{at[i] == '\n'} << i;
                               }
                               return bits;
                             });
}
#endif

}  // namespace

uint32_t* Newlines::find(std::string_view window, uint32_t* out) {
#if defined(__SSE2__)
  static const bool kAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                            __builtin_cpu_supports("popcnt");
  return kAvx2 ? find_avx2(window, out) : find_sse2(window, out);
#else
  return find_plain(window, out);
#endif
}

}  // namespace flow::operators
