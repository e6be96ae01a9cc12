// One line of an access log, taken apart without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "operators/common/access_time.hpp"
#include "operators/common/address.hpp"

namespace flow::operators {

// The formats that Apache's and nginx's documentation call by these names.
//
//   common           host ident user [time] "request" status bytes
//   combined         ... "referer" "agent"
//   vhost_common     name:port, then common
//   vhost_combined   name:port, then combined
enum class AccessFormat : uint8_t {
  kAuto,  // whichever of them the line has
  kCommon,
  kCombined,
  kVhostCommon,
  kVhostCombined
};

// Views into the line. A field that the line's format does not have is "-", like one that is empty
// in the log; quotes, brackets and the spaces between are not part of a field, backslashes inside
// quotes are.
struct AccessFields {
  std::string_view vhost;
  std::string_view host;
  std::string_view ident;
  std::string_view user;
  std::string_view datetime;
  std::string_view request;
  std::string_view response;
  std::string_view bytes;
  std::string_view referer;
  std::string_view agent;
};

// What access logs write for nothing.
inline bool is_absent(std::string_view field) { return field.size() == 1 && field[0] == '-'; }

// A request line's three parts. A line without a protocol (HTTP/0.9) has "-" for it; false:
// `request` is no request line, and the parts are all "-". The path may hold spaces, as careless
// clients send them.
struct RequestParts {
  std::string_view method;
  std::string_view path;
  std::string_view protocol;
};
bool split_request(std::string_view request, RequestParts& parts);

// Why a line is none. `reason` is a short fixed word, `what` a sentence without its end.
struct AccessFault {
  const char* reason = nullptr;
  const char* what = nullptr;
  size_t position = 0;  // in the line, from 0
};

// Writes the place of each quote and each backslash in `text`, and returns the end of what it
// wrote. Needs room for size + kQuoteSlack places. `backslashes`: set if there is one, else left.
// Some 10 ns for 300 bytes.
constexpr size_t kQuoteSlack = 64;
uint32_t* index_quotes(std::string_view text, uint32_t* out, bool& backslashes);

// Parses lines of one format. Not thread-safe: it remembers the last time it saw.
//
// Inside quotes a backslash takes the next character's meaning away. A user may hold spaces. A
// carriage return at the end is no part of the line. One pass over the line, some 40 ns for 300
// bytes.
class AccessLineParser {
 public:
  explicit AccessLineParser(AccessFormat format) : format_(format) {}

  // Any bytes. False: `fault` says why, and `fields` is not to be used.
  bool parse(std::string_view line, AccessFields& fields, AccessFault& fault);

  // The same for a line of the usual shape: combined format, an IPv4 host, nobody, no backslash.
  // `quotes`: the places of its six quotes, counted from `base`. False says nothing about the line
  // but that parse() has to look at it.
  bool parse_usual(const char* base, std::string_view line, const uint32_t* quotes,
                   AccessFields& fields) {
    constexpr size_t kTime = AccessTime::kLength;
    constexpr size_t kFront = 6 + kTime + 2;  // " - - [", the time, "] "
    const auto begin = static_cast<size_t>(line.data() - base);
    size_t end = begin + line.size();
    if (base[end - 1] == '\r') --end;
    const char* const request = base + quotes[0];
    const char* const behind = base + quotes[1];  // `" 200 `
    if (quotes[5] + 1 != end || quotes[0] < begin + kFront || quotes[4] != quotes[3] + 2 ||
        quotes[2] < quotes[1] + 7 || base[quotes[3] + 1] != ' ' || base[quotes[2] - 1] != ' ' ||
        std::memcmp(request - kFront, " - - [", 6) != 0 || request[-2] != ']' ||
        request[-1] != ' ' || behind[1] != ' ' || behind[5] != ' ') {
      return false;
    }
    fields.host = {line.data(), quotes[0] - begin - kFront};
    fields.datetime = {request - kTime - 2, kTime};
    fields.response = {behind + 2, 3};
    fields.bytes = {behind + 6, quotes[2] - quotes[1] - 7};
    uint32_t address;
    if (!all_digits3(behind + 2) || !(is_size(fields.bytes) || is_absent(fields.bytes)) ||
        !parse_readable_ipv4(fields.host, address) || !time_.accept(fields.datetime.data())) {
      return false;
    }
    fields.vhost = "-";
    fields.ident = "-";
    fields.user = "-";
    fields.request = {request + 1, quotes[1] - quotes[0] - 1};
    fields.referer = {base + quotes[2] + 1, quotes[3] - quotes[2] - 1};
    fields.agent = {base + quotes[4] + 1, quotes[5] - quotes[4] - 1};
    return true;
  }
  // Whether the format has room for what parse_usual() accepts.
  bool has_usual() const {
    return format_ == AccessFormat::kAuto || format_ == AccessFormat::kCombined;
  }

  // Of the line parsed last, if that went well.
  int64_t nanoseconds() const { return time_.nanoseconds(); }

 private:
  static bool all_digits3(const char* text) {
    return static_cast<uint8_t>(text[0] - '0') <= 9 && static_cast<uint8_t>(text[1] - '0') <= 9 &&
           static_cast<uint8_t>(text[2] - '0') <= 9;
  }
  // One to eight digits, behind at least eight other bytes.
  static bool is_size(std::string_view text) {
    if (text.size() - 1 > 7) return false;
    uint64_t digits;
    std::memcpy(&digits, text.data() + text.size() - sizeof digits, sizeof digits);
    digits = (digits ^ 0x3030303030303030U) & ~uint64_t{0} << (64 - 8 * text.size());
    return ((((digits & 0x7f7f7f7f7f7f7f7fU) + 0x7676767676767676U) | digits) &
            0x8080808080808080U) == 0;
  }

  const char* parse_front(std::string_view line, AccessFields& fields, AccessFault& fault);
  const char* parse_front_in_full(std::string_view line, AccessFields& fields, AccessFault& fault);

  AccessFormat format_;
  AccessTime time_;
};

}  // namespace flow::operators
