// JSON text, written fast: into memory that the caller has made large enough.
//
// Every function writes at `out` and returns the end of what it wrote. They write whole blocks: up
// to kWriteSlack bytes behind that end are overwritten too.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#if defined(__SSSE3__)
#include <immintrin.h>
#endif

namespace flow::operators {

// How 32 bytes are copied as they are, with a bit for each that must be escaped. One for each kind
// of processor: code that is compiled for Avx2Copy may run only where `is_supported`.
#if defined(__SSSE3__)
struct SseCopy {
  // The same for 16 bytes, without copying.
  static uint64_t marks(__m128i bytes) {
    // Quote and backslash stand where their low half byte leads; a byte beyond ASCII leads to zero.
    const __m128i named = _mm_setr_epi8(0, 0, '"', 0, 0, 0, 0, 0, 0, 0, 0, 0, '\\', 0, 0, 0);
    const __m128i is_named = _mm_cmpeq_epi8(_mm_shuffle_epi8(named, bytes), bytes);
    const __m128i is_control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_or_si128(is_named, is_control)));
  }
  static uint64_t copy(char* out, const char* from) {
    return half(out, from) | half(out + 16, from + 16) << 16;
  }

 private:
  static uint64_t half(char* out, const char* from) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
    return marks(bytes);
  }
};
using PlainCopy = SseCopy;

#define FLOW_AVX2 [[gnu::target("avx2,bmi,bmi2,popcnt")]]
struct Avx2Copy {
  static bool is_supported() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
  }
  FLOW_AVX2 static inline uint64_t copy(char* out, const char* from) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes);
    const __m256i named = _mm256_setr_epi8(0, 0, '"', 0, 0, 0, 0, 0, 0, 0, 0, 0, '\\', 0, 0, 0,  //
                                           0, 0, '"', 0, 0, 0, 0, 0, 0, 0, 0, 0, '\\', 0, 0, 0);
    const __m256i is_named = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(named, bytes), bytes);
    const __m256i is_control =
        _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)), bytes);
    return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(is_named, is_control)));
  }
};
#else
struct PlainCopy {
  static uint64_t copy(char* out, const char* from) {
    uint64_t marks = 0;
    for (unsigned i = 0; i < 32; ++i) {
      const auto byte = static_cast<unsigned char>(from[i]);
      out[i] = from[i];
      marks |= uint64_t{byte < 0x20 || byte == '"' || byte == '\\'} << i;
    }
    return marks;
  }
};
#endif

inline constexpr int64_t kWriteSlack = 64;
// How far behind its text write_escaped_ahead reads, at most.
inline constexpr int64_t kReadAhead = 64;
// The most bytes that escaping makes of one ("\u001f").
inline constexpr int64_t kEscapeExpansion = 6;
// The most bytes of one number.
inline constexpr int64_t kNumberBytes = 32;

// Copies `size` bytes; reads whole blocks of 16, so up to 15 bytes behind them must be readable.
inline char* copy_blocks(char* out, const char* from, size_t size) {
  size_t at = 0;
  do {
    std::memcpy(out + at, from + at, 16);
    at += 16;
  } while (at < size);
  return out + size;
}

// The same, and always copies the first 32 bytes: for texts that mostly fit there. Up to 31 bytes
// behind them must be readable.
inline char* copy_short(char* out, const char* from, size_t size) {
  std::memcpy(out, from, 32);
  if (size > 32) [[unlikely]] {
    copy_blocks(out + 32, from + 32, size - 32);
  }
  return out + size;
}

// The inside of a JSON string: `"`, `\` and control characters escaped (\b \f \n \r \t, the others
// as \u00xx in lower case), everything else as it is. Reads nothing outside of `text`. About 1 ns
// for 16 bytes with nothing to escape.
char* write_escaped(char* out, std::string_view text);

// The same for a text with kReadAhead readable bytes behind it, which may be anything: whole blocks
// to the end, so that hardly a branch depends on the length.
template <class Copy>
[[gnu::always_inline]] inline char* write_escaped_ahead(char* out, const char* text, size_t size) {
  // The bits of a block of 32 are enough for most texts; what is left is taken 64 at a time.
  const uint64_t first = Copy::copy(out, text);
  if (size <= 32) {
    if ((first & ~(~uint64_t{0} << size)) == 0) [[likely]] {
      return out + size;
    }
    return write_escaped(out, {text, size});
  }
  if (first != 0) [[unlikely]] {
    return write_escaped(out, {text, size});
  }
  for (size_t at = 32;; at += 64) {
    const uint64_t marks =
        Copy::copy(out + at, text + at) | Copy::copy(out + at + 32, text + at + 32) << 32;
    const size_t left = size - at;
    const uint64_t wanted = left >= 64 ? ~uint64_t{0} : ~(~uint64_t{0} << left);
    if ((marks & wanted) != 0) [[unlikely]] {
      return write_escaped(out + at, {text + at, left});
    }
    if (left <= 64) return out + size;
  }
}

char* write_int64(char* out, int64_t value);
// The shortest text that reads back as the same number, as std::to_chars writes it; null for what
// JSON has no number for.
char* write_double(char* out, double value);
char* write_base64(char* out, std::string_view bytes);

// Writes as write_double does. Numbers with more than a few decimals are remembered as they were
// written: measurements repeat.
class DoubleWriter {
 public:
  char* write(char* out, double value);

 private:
  struct Entry {
    uint64_t bits = 0;
    std::array<char, 23> text{};
    uint8_t length = 0;  // 0: nothing is here
  };
  static constexpr int kEntryBits = 12;
  std::vector<Entry> entries_;  // 128 KiB once needed
};

// `text` as a JSON string with its quotes.
std::string json_quoted(std::string_view text);

}  // namespace flow::operators
