#pragma once

#include <emmintrin.h>
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

/// Finds the characters that give an access log its structure: quotes, backslashes and line ends.
namespace yardstick {

namespace line_index_detail {

inline std::uint32_t* flatten(std::uint32_t* out, std::uint64_t bits, std::uint32_t base) {
  if (bits == 0) return out;
  const int count = __builtin_popcountll(bits);
  std::uint32_t* const end = out + count;
  // Two at a time whatever the count: the entries too many are overwritten by the next block.
  do {
    out[0] = base + static_cast<std::uint32_t>(__builtin_ctzll(bits));
    bits &= bits - 1;
    out[1] = base + static_cast<std::uint32_t>(__builtin_ctzll(bits | (1ULL << 63)));
    bits &= bits - 1;
    out += 2;
  } while (out < end);
  return end;
}

inline std::uint32_t* index_sse2(const char* text, std::size_t size, std::uint32_t* out) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i line_end = _mm_set1_epi8('\n');
  for (std::size_t at = 0; at < size; at += 64) {
    std::uint64_t bits = 0;
    for (int part = 0; part < 4; ++part) {
      const __m128i bytes =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + at + 16 * part));
      const __m128i hit = _mm_or_si128(
          _mm_cmpeq_epi8(bytes, line_end),
          _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
      bits |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(hit)))
              << (16 * part);
    }
    out = flatten(out, bits, static_cast<std::uint32_t>(at));
  }
  return out;
}

[[gnu::target("avx2,bmi,popcnt")]] inline std::uint32_t* index_avx2(const char* text,
                                                                    std::size_t size,
                                                                    std::uint32_t* out) {
  const __m256i quote = _mm256_set1_epi8('"');
  const __m256i backslash = _mm256_set1_epi8('\\');
  const __m256i line_end = _mm256_set1_epi8('\n');
  for (std::size_t at = 0; at < size; at += 64) {
    std::uint64_t bits = 0;
    for (int part = 0; part < 2; ++part) {
      const __m256i bytes =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + at + 32 * part));
      const __m256i hit = _mm256_or_si256(
          _mm256_cmpeq_epi8(bytes, line_end),
          _mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), _mm256_cmpeq_epi8(bytes, backslash)));
      bits |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(hit)))
              << (32 * part);
    }
    out = flatten(out, bits, static_cast<std::uint32_t>(at));
  }
  return out;
}

}  // namespace line_index_detail

/// Writes the position of each `"`, `\` and line feed of `text` and returns the end of what it
/// wrote. Reads up to 63 bytes behind the text, which must hold none of the three, and needs room
/// for `size` + 2 positions.
inline std::uint32_t* index_structure(const char* text, std::size_t size, std::uint32_t* out) {
  static const bool kAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
  return kAvx2 ? line_index_detail::index_avx2(text, size, out)
               : line_index_detail::index_sse2(text, size, out);
}

}  // namespace yardstick
