// Any stream, cut anywhere: the rows, the dead letters and the empty lines are those of the stream
// read at once. The first two bytes say how it is cut and how long a line may be.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "operators/codecs/lines.hpp"
#include "tests/operators/codecs/codec_stream.hpp"

namespace {

using flow::operators::Lines;
using flow::testing::CodecStream;

// What the codec must do, said plainly.
struct Expected {
  std::vector<std::string> records;
  std::vector<std::string> too_long;
  int64_t empty = 0;
};

Expected expect(std::string_view text, size_t max_line) {
  Expected result;
  while (!text.empty()) {
    const size_t newline = text.find('\n');
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    if (newline != std::string_view::npos && !line.empty() && line.back() == '\r') {
      line.remove_suffix(1);
    }
    if (line.size() > max_line) {
      result.too_long.emplace_back(line.substr(0, max_line));
    } else if (line.empty()) {
      ++result.empty;
    } else {
      result.records.emplace_back(line);
    }
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t read = 1 + data[0];
  const size_t max_line = 1 + data[1] % 64;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);

  Lines::Options options;
  options.max_line = {static_cast<int64_t>(max_line)};
  CodecStream<Lines> stream(options);
  stream.read_in_pieces(text, read);

  const Expected expected = expect(text, max_line);
  std::vector<std::string> records;
  for (const flow::Batch& batch : stream.host.emitted[0]) {
    const flow::TextView record(*batch.origin().record);
    const flow::TextView message(batch.column(0));
    const flow::Int64View position(*batch.origin().position);
    for (int64_t row = 0; row < batch.rows(); ++row) {
      records.emplace_back(record[row]);
      const auto at = static_cast<size_t>(position[row]);
      if (text.substr(at, record[row].size()) != record[row]) std::abort();
      if (message[row].size() < record[row].size()) std::abort();
    }
  }
  if (records != expected.records) std::abort();
  if (stream.host.dropped["empty line"] != expected.empty) std::abort();
  if (stream.host.failed.size() != expected.too_long.size()) std::abort();
  for (size_t i = 0; i < expected.too_long.size(); ++i) {
    if (stream.host.failed[i].record != expected.too_long[i]) std::abort();
  }
  if (!stream.balanced()) std::abort();
  if (stream.largest_carry > 2 * (max_line + 2) + 2 * read) std::abort();
  return 0;
}
