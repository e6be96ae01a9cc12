// Forms of times: any form is refused or compiled, any text is read as a time or as none, and what
// a form with all parts of a time writes it reads as the same time. The form and the text stand in
// two lines.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "flow/operator.hpp"
#include "operators/common/rfc3339.hpp"
#include "operators/common/time_format.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/fuzz/seeds.hpp"

namespace {

using flow::operators::TimeFormat;

void read_back(const char* form, std::int64_t nanoseconds) {
  const TimeFormat format = TimeFormat::compile(form);
  std::string text;
  format.format(nanoseconds, text);
  require(format.parse(text) == nanoseconds);
}

}  // namespace

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "%d/%b/%Y:%H:%M:%S %z\n28/Oct/2025:10:15:30 +0000",
      "%b %e %H:%M:%S\nOct  8 10:15:30",
      "%a, %d %B %y %I:%M %p %Z\nTue, 28 October 25 10:15 PM UTC",
      "%j%%%n%t%F %T.%3f %:z\n301%  2025-10-28 10:15:30.123 +02:00",
      "rfc3339\n2025-10-28T10:15:30.123456789-07:00",
      "epoch_ms\n1761646530123",
      {"\x09\0\0\0\0\0\0\x80", 8},  // the first nanoseconds that there are
      "%s%f%R%D\n1761646530"};
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view form = input.substr(0, input.find('\n'));
  const std::string_view text = input.substr(std::min(form.size() + 1, size));
  std::int64_t moment = 0;
  if (size != 0) {
    std::memcpy(&moment, data, std::min(size, sizeof moment));
  }
  for (const char* const all_parts : {"rfc3339", "epoch_ns", "%Y-%m-%dT%H:%M:%S.%f%z"}) {
    read_back(all_parts, moment);
  }
  try {
    const TimeFormat format = TimeFormat::compile(form, "America/New_York");
    const std::optional<std::int64_t> read = format.parse(text);
    const std::optional<std::int64_t> near = format.parse(text, moment);
    require(!read || near || !format.has_year());
    std::string written;
    format.format(read.value_or(moment), written);
    format.parse(written);
  } catch (const flow::Failure&) {
  }
  return 0;
}
