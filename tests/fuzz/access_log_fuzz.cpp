// Lines of access logs: any bytes, through the parser of each format, and through what later
// operators do with its fields.
#include <cstdint>
#include <iterator>
#include <string_view>

#include "operators/common/access_line.hpp"
#include "operators/common/address.hpp"
#include "operators/common/page_path.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/fuzz/seeds.hpp"

namespace {

using namespace flow::operators;

// A field lies inside the line, or is the "-" of one that the line does not have.
void require_inside(std::string_view line, std::string_view field) {
  if (is_absent(field)) return;
  require(field.data() >= line.data() && field.data() + field.size() <= line.data() + line.size());
}

void parse(AccessLineParser& parser, std::string_view line, AccessFormat format) {
  AccessFields fields;
  AccessFault fault;
  if (!parser.parse(line, fields, fault)) {
    require(fault.reason != nullptr && fault.what != nullptr && fault.position <= line.size());
    return;
  }
  for (const std::string_view field :
       {fields.vhost, fields.host, fields.ident, fields.user, fields.datetime, fields.request,
        fields.response, fields.bytes, fields.referer, fields.agent}) {
    require_inside(line, field);
  }
  require(!fields.host.empty() && fields.host.find(' ') == std::string_view::npos);
  require(fields.datetime.size() == AccessTime::kLength);
  int64_t nanoseconds = 0;
  require(AccessTime::convert(fields.datetime.data(), nanoseconds));
  require(nanoseconds == parser.nanoseconds());
  require(is_absent(fields.response) || fields.response.size() == 3);
  if (format == AccessFormat::kCommon) require(is_absent(fields.agent));

  RequestParts parts;
  if (split_request(fields.request, parts)) {
    require_inside(fields.request, parts.method);
    require_inside(fields.request, parts.path);
    require_inside(fields.request, parts.protocol);
  }
  (void)page_of_request(fields.request);
  (void)page_of_referer(fields.referer);

  // What Auto takes, the format of that shape takes as well, and the other way round.
  if (format == AccessFormat::kCombined) {
    AccessFields again;
    require(AccessLineParser(AccessFormat::kAuto).parse(line, again, fault));
    require(again.request == fields.request && again.agent == fields.agent);
  }
}

}  // namespace

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "203.0.113.42 - - [28/Oct/2025:10:15:30 +0000] \"GET /product.php HTTP/1.1\" 200 1234 "
      "\"http://example.com/search.php\" \"Mozilla/5.0 (X11)\"",
      "www.example.com:443 2001:db8::1 - jane doe [29/Feb/2024:23:59:60 -0130] \"\\\"\\\\\" - - "
      "\"-\" \"\"\r",
      "[2001:db8::1]:80 ::ffff:192.0.2.1 id u [01/Jan/1970:00:00:00 +0000] \"-\" 304 -",
      "999.1.1.1 - - [31/Feb/2025:10:15:30 +0000] \"GET / HTTP/1.0\" 200 1",
  };
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const AccessFormat format :
       {AccessFormat::kAuto, AccessFormat::kCommon, AccessFormat::kCombined,
        AccessFormat::kVhostCommon, AccessFormat::kVhostCombined}) {
    AccessLineParser parser(format);
    parse(parser, text, format);
    parse(parser, text, format);  // with the time remembered
  }
  (void)host_kind(text);
  return 0;
}
