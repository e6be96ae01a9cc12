#include "operators/common/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace flow::operators {

std::optional<Ipv6Address> parse_ipv6(std::string_view text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    text.remove_prefix(1);
    text.remove_suffix(1);
  }
  text = text.substr(0, text.find('%'));
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() < 2 || text.size() >= sizeof terminated ||
      text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  Ipv6Address address;
  if (inet_pton(AF_INET6, terminated, address.data()) != 1) return std::nullopt;
  return address;
}

std::optional<uint32_t> mapped_ipv4(const Ipv6Address& address) {
  static constexpr std::array<uint8_t, 12> kPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!std::equal(kPrefix.begin(), kPrefix.end(), address.begin())) return std::nullopt;
  return uint32_t{address[12]} << 24 | uint32_t{address[13]} << 16 | uint32_t{address[14]} << 8 |
         uint32_t{address[15]};
}

HostKind host_kind(std::string_view host) {
  uint32_t ipv4;
  if (parse_ipv4(host, ipv4)) return HostKind::kIpv4;
  bool numeric = true;
  for (const char c : host) {
    if (c == ':' || c == '[') {
      return parse_ipv6(host) ? HostKind::kIpv6 : HostKind::kImpossible;
    }
    numeric &= c == '.' || (c >= '0' && c <= '9');
  }
  return numeric ? HostKind::kImpossible : HostKind::kName;
}

}  // namespace flow::operators
