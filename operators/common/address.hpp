// IP addresses as text.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace flow::operators {

// In network byte order, first byte first.
using Ipv6Address = std::array<uint8_t, 16>;

// Four decimal numbers of at most 255 with dots between, without leading zeros and nothing around
// them. `address`: the first number in the topmost byte. Some 5 ns.
inline bool parse_ipv4(std::string_view text, uint32_t& address) {
  if (text.size() < 7 || text.size() > 15) return false;
  const char* at = text.data();
  const char* const end = at + text.size();
  uint32_t result = 0;
  for (int part = 0; part < 4; ++part) {
    if (part != 0 && *at++ != '.') return false;
    if (at == end) return false;
    uint32_t value = static_cast<uint8_t>(*at++) - uint32_t{'0'};
    if (value > 9) return false;
    const bool leading_zero = value == 0;
    for (int digit = 1; digit < 3 && at != end; ++digit) {
      const uint32_t next = static_cast<uint8_t>(*at) - uint32_t{'0'};
      if (next > 9) break;
      if (leading_zero) return false;
      value = value * 10 + next;
      ++at;
    }
    if (value > 255 || (part < 3 && at == end)) return false;
    result = result << 8 | value;
  }
  address = result;
  return at == end;
}

// The same where kIpv4Readable bytes from text.data() on may be read, whatever the text's length:
// without branches on the lengths of the numbers, which nobody could predict.
constexpr size_t kIpv4Readable = 18;
inline bool parse_readable_ipv4(std::string_view text, uint32_t& address) {
#if defined(__SSE2__)
  if (text.size() - 7 > 8) return false;
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data()));
  const uint32_t behind = uint32_t{1} << text.size();
  auto ends = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.'))));
  ends = (ends & (behind - 1)) | behind;
  static constexpr std::array<uint32_t, 4> kLeast = {256, 0, 10, 100};  // of so many digits
  uint32_t result = 0;
  uint32_t faults = 0;
  uint32_t begin = 0;
  for (int part = 0; part < 4; ++part) {
    if (ends == 0) return false;
    const auto end = static_cast<uint32_t>(__builtin_ctz(ends));
    ends &= ends - 1;
    const uint32_t length = end - begin;
    if (length - 1 > 2) return false;
    // The digits at the upper end of the word, zeros below them.
    uint32_t digits;
    std::memcpy(&digits, text.data() + begin, sizeof digits);
    digits = (digits ^ 0x30303030U) << (32 - 8 * length);
    faults |= (((digits & 0x7f7f7f7fU) + 0x76767676U) | digits) & 0x80808080U;
    const uint32_t value = (digits >> 8 & 255) * 100 + (digits >> 16 & 255) * 10 + (digits >> 24);
    faults |= static_cast<uint32_t>(value > 255) | static_cast<uint32_t>(value < kLeast[length]);
    result = result << 8 | (value & 255);
    begin = end + 1;
  }
  if (faults != 0 || ends != 0) return false;
  address = result;
  return true;
#else
  return parse_ipv4(text, address);
#endif
}

// As RFC 4291 writes them, also with an IPv4 address at the end; brackets around it and a zone
// behind a percent sign are allowed and left out.
std::optional<Ipv6Address> parse_ipv6(std::string_view text);

// The IPv4 address in an IPv4-mapped one (::ffff:192.0.2.1).
std::optional<uint32_t> mapped_ipv4(const Ipv6Address& address);

// What the first field of an access log can be.
enum class HostKind : uint8_t {
  kName,
  kIpv4,
  kIpv6,
  kImpossible  // meant as an address, but none: 999.1.1.1, 1.2.3, 12:34
};
HostKind host_kind(std::string_view host);

}  // namespace flow::operators
