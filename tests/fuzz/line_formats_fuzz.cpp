// Any bytes as logfmt and as syslog: every line is a row, a dead letter or empty, wherever the
// bytes are cut.
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "operators/codecs/logfmt.hpp"
#include "operators/codecs/syslog.hpp"
#include "operators/common/json_validate.hpp"
#include "tests/fuzz/seeds.hpp"
#include "tests/operators/codecs/codec_stream.hpp"

namespace {

using flow::operators::Logfmt;
using flow::operators::Syslog;
using flow::operators::SyslogFraming;
using flow::testing::CodecStream;

int64_t rows_of(const flow::testing::TestHost& host) {
  int64_t rows = 0;
  for (const flow::Batch& batch : host.emitted[0]) rows += batch.rows();
  return rows;
}

template <class Codec>
void compare(const typename Codec::Options& options, std::string_view text, size_t read) {
  CodecStream<Codec> whole(options);
  whole.read(text, true);
  CodecStream<Codec> pieces(options);
  pieces.read_in_pieces(text, read);
  if (!whole.balanced() || !pieces.balanced()) std::abort();
  if (rows_of(whole.host) != rows_of(pieces.host)) std::abort();
  if (whole.host.failed.size() != pieces.host.failed.size()) std::abort();
  for (const flow::Batch& batch : whole.host.emitted[0]) {
    const flow_column* const column = batch.find("structured_data");
    if (column == nullptr || column->type != FLOW_JSON) continue;
    const flow::TextView texts(*column);
    for (int64_t row = 0; row < texts.size(); ++row) {
      if (!texts.is_null(row) && flow::operators::find_json_error(texts[row])) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const size_t read = 1 + data[1] * size_t{3};
  Logfmt::Options logfmt;
  logfmt.max_line = {200};
  logfmt.max_fields = 4;
  compare<Logfmt>(logfmt, text, read);
  Syslog::Options syslog;
  syslog.max_line = {200};
  syslog.year = 2025;
  syslog.framing = static_cast<SyslogFraming>(data[0] % 3);
  compare<Syslog>(syslog, text, read);
  return 0;
}

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "\x01\x01"
      "a=1 b=\"x \\\"y\\\" \\u00e9\\ud83d\\ude00\" c\n=\n",
      "\x02\x05<165>1 2003-08-24T05:14:15.000003-07:00 h a 1 ID [x@1 a=\"b\\]\"][y] text\n",
      "\x03\x02"
      "23 <1>1 - - - - - - a\nb c\n<34>Oct 11 22:14:15 host su[1]: text\r\n"};
  return {kSeeds, std::size(kSeeds)};
}
