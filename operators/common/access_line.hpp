// One line of an access log, taken apart without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "operators/common/access_time.hpp"

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

  // Of the line parsed last, if that went well.
  int64_t nanoseconds() const { return time_.nanoseconds(); }

 private:
  const char* parse_front(std::string_view line, AccessFields& fields, AccessFault& fault);
  const char* parse_front_in_full(std::string_view line, AccessFields& fields, AccessFault& fault);

  AccessFormat format_;
  AccessTime time_;
};

}  // namespace flow::operators
