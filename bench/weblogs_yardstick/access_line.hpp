#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "bench/weblogs_yardstick/json_text.hpp"
#include "operators/common/access_time.hpp"
#include "operators/common/address.hpp"

/// One line of an access log in the combined format, as views into the line:
///
///   host ident user [datetime] "request" status bytes "referer" "agent"
namespace yardstick {

struct AccessLine {
  std::string_view host;
  std::string_view datetime;
  std::string_view request;
  std::string_view response;
  std::string_view bytes;
  std::string_view referer;
  std::string_view agent;
};

/// A field of "-" is absent; "" is a text.
inline bool present(std::string_view field) { return field.size() != 1 || field[0] != '-'; }

/// Checks times such as "28/Oct/2025:10:15:30 +0000". Remembers the last good one, since neighbours
/// mostly share it.
class DatetimeCheck {
 public:
  static constexpr std::size_t kSize = flow::operators::AccessTime::kLength;

  bool operator()(const char* text) {
    if (equal(text, last_.data(), kSize)) return true;
    std::int64_t nanoseconds = 0;
    if (!flow::operators::AccessTime::convert(text, nanoseconds)) return false;
    std::memcpy(last_.data(), text, kSize);
    return true;
  }

 private:
  std::array<char, kSize + kSlack> last_{};
};

inline bool all_digits(std::string_view text) {
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return !text.empty();
}

/// What is no IPv4 address has to be an IPv6 address or a name.
inline bool is_possible_host(std::string_view host) {
  switch (flow::operators::host_kind(host)) {
    case flow::operators::HostKind::kIpv4:
    case flow::operators::HostKind::kIpv6:
      return true;
    case flow::operators::HostKind::kImpossible:
      return false;
    case flow::operators::HostKind::kName:
      break;
  }
  for (const char c : host) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\x7f') return false;
  }
  return true;
}

/// Takes a line apart whose six quotes (those that are not escaped) are at quotes[0..5], counted
/// from `base`. Returns nullptr, or why the line is malformed.
inline const char* parse_line(const char* base, std::uint32_t begin, std::uint32_t end,
                              const std::uint32_t* quotes, DatetimeCheck& datetime_is_good,
                              AccessLine& line) {
  const char* const first = base + begin;
  const auto between = [base](std::uint32_t from, std::uint32_t to) {
    return std::string_view(base + from, to - from);
  };
  if (end > begin && base[end - 1] == '\r') --end;
  if (quotes[5] + 1 != end) return "text behind the agent";

  // host ident user [datetime] "
  constexpr std::uint32_t kBracketed = DatetimeCheck::kSize + 4;  // space [ ... ] space: 30
  if (quotes[0] < begin + 1 + kBracketed + 3) return "no host, user and time";
  const char* const bracket = base + quotes[0] - kBracketed + 1;  // at '['
  if (bracket[-1] != ' ' || bracket[0] != '[' || bracket[27] != ']' || bracket[28] != ' ') {
    return "no time in brackets";
  }
  const auto* host_end = first;
  while (*host_end != ' ') ++host_end;
  if (host_end == first || host_end >= bracket - 1) return "no host";
  if (std::memcmp(host_end, " - - [", 6) != 0 || host_end + 5 != bracket) {
    const auto* ident_end = host_end + 1;
    while (*ident_end != ' ') ++ident_end;
    if (ident_end == host_end + 1 || ident_end + 1 >= bracket - 1) return "no user";
    const std::string_view words(host_end, static_cast<std::size_t>(bracket - 1 - host_end));
    if (words.find(" [") != std::string_view::npos) return "no time in brackets";
  }
  if (!datetime_is_good(bracket + 1)) return "impossible time";
  line.host = {first, static_cast<std::size_t>(host_end - first)};
  line.datetime = {bracket + 1, DatetimeCheck::kSize};
  line.request = between(quotes[0] + 1, quotes[1]);

  // " status bytes "
  const std::string_view numbers = between(quotes[1] + 1, quotes[2]);
  if (numbers.size() < 5 || numbers.front() != ' ' || numbers.back() != ' ') return "no status";
  const std::size_t gap = numbers[4] == ' ' ? 4 : numbers.find(' ', 1);
  if (gap + 2 >= numbers.size()) return "no size";
  line.response = numbers.substr(1, gap - 1);
  line.bytes = numbers.substr(gap + 1, numbers.size() - gap - 2);
  if (present(line.response) && (line.response.size() != 3 || !all_digits(line.response))) {
    return "status is not a number of three digits";
  }
  constexpr std::size_t kMostDigits = 18;  // fit 64 bits
  if (present(line.bytes) && (line.bytes.size() > kMostDigits || !all_digits(line.bytes))) {
    return "size is not a number";
  }

  if (quotes[4] != quotes[3] + 2 || base[quotes[3] + 1] != ' ') return "no agent";
  line.referer = between(quotes[2] + 1, quotes[3]);
  line.agent = between(quotes[4] + 1, quotes[5]);
  return nullptr;
}

}  // namespace yardstick
