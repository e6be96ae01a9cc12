// From bits to places: what scanners for a few bytes share, each of which looks at 64 bytes at a
// time.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace flow::operators {

inline constexpr uint32_t kBlock = 64;

// Writes the places of the set bits, `base` being that of bit 0, and returns their end. Always
// writes `kUsual` of them, so that no branch depends on the number where blocks have no more; up to
// that many behind the end are overwritten.
template <int kUsual>
[[gnu::always_inline]] inline uint32_t* write_places(uint64_t bits, uint32_t base, uint32_t* out) {
  constexpr uint64_t kLast = uint64_t{1} << 63;
  uint32_t* const end = out + __builtin_popcountll(bits);
  do {
    for (int i = 0; i < kUsual; ++i) {
      out[i] = base + static_cast<uint32_t>(__builtin_ctzll(bits | kLast));
      bits &= bits - 1;
    }
    out += kUsual;
  } while (out < end);
  return end;
}

// The places in [from, to) of `text`, ascending. `find`(64 bytes): a bit for each that is wanted.
template <int kUsual, class Find>
[[gnu::always_inline]] inline uint32_t* find_places(std::string_view text, uint32_t from,
                                                    uint32_t to, uint32_t* out, Find find) {
  uint32_t at = from;
  for (; at + kBlock <= to; at += kBlock) {
    out = write_places<kUsual>(find(text.data() + at), at, out);
  }
  if (at < to) {
    // What stands behind the text may not be read.
    std::array<char, kBlock> last{};
    std::memcpy(last.data(), text.data() + at, to - at);
    const uint64_t inside = (uint64_t{1} << (to - at)) - 1;
    out = write_places<kUsual>(find(last.data()) & inside, at, out);
  }
  return out;
}

}  // namespace flow::operators
