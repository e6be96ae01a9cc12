// IP addresses as text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

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
