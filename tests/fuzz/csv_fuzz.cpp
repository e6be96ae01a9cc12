// Any bytes as CSV in any dialect: every record is a row, a dead letter, a comment or empty,
// wherever the bytes are cut; and what was decoded is encoded as CSV that reads the same.
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operators/codecs/csv.hpp"
#include "tests/fuzz/seeds.hpp"
#include "tests/operators/codecs/codec_stream.hpp"

namespace {

using flow::operators::Csv;
using flow::testing::CodecStream;

Csv::Options options(unsigned bits) {
  Csv::Options result;
  result.max_record = {200};
  result.max_fields = 20;
  result.header = (bits & 1U) != 0;
  if (!result.header) result.fields = {{"a"}, {"b"}, {"c"}};
  result.trim = (bits & 2U) != 0;
  result.multiline = (bits & 4U) == 0;
  if ((bits & 8U) != 0) result.comment = "#";
  if ((bits & 16U) != 0) result.quote = "";
  if ((bits & 32U) != 0) {
    flow::Value value;
    value.type = FLOW_OPTION_TEXT;
    value.text = "int";
    result.schema.items.emplace_back("b", value);
  }
  return result;
}

std::vector<std::string> rows_of(CodecStream<Csv>& stream) {
  std::vector<std::string> rows;
  for (const flow::Batch& batch : stream.host.emitted[0]) {
    const flow::testing::Table table = flow::testing::read_table(batch);
    for (int64_t row = 0; row < batch.rows(); ++row) {
      std::string text;
      for (const auto& column : table.columns) {
        const flow::testing::Cell& cell = column.cells[static_cast<size_t>(row)];
        text.append(column.name).append(cell.is_null() ? "-" : "=");
        if (cell.kind() == flow::testing::Cell::Kind::kText) text.append(cell.text());
        text += '\0';
      }
      rows.push_back(std::move(text));
    }
  }
  return rows;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Csv::Options chosen = options(data[0]);
  CodecStream<Csv> whole(chosen);
  whole.read(text, true);
  CodecStream<Csv> pieces(chosen);
  pieces.read_in_pieces(text, 1 + data[1] * size_t{3});
  if (!whole.balanced() || !pieces.balanced()) std::abort();
  const std::vector<std::string> rows = rows_of(whole);
  if (rows_of(pieces) != rows || whole.host.failed.size() != pieces.host.failed.size() ||
      whole.host.dropped != pieces.host.dropped) {
    std::abort();
  }

  Csv::Shared shared(chosen, whole.host.host());
  Csv encoder(chosen, shared);
  flow::testing::TestHost host;
  flow::Output out(host.abi());
  encoder.set_role(FLOW_ROLE_ENCODE);
  for (const flow::Batch& batch : whole.host.emitted[0]) {
    encoder.consume(0, batch, out);
    const auto failed = static_cast<int64_t>(std::exchange(host.failed, {}).size());
    int64_t encoded = 0;
    for (const flow::Batch& part : std::exchange(host.emitted[0], {})) encoded += part.rows();
    if (encoded + failed != batch.rows()) std::abort();
  }
  return 0;
}

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "\x20\x01"
      "a,b,c\n1,2,3\n\"x, \"\"y\"\"\",4,\n",
      "\x0b\x02# comment \"\n a , \"b\" ,c\r\n\n1,2\n", "\x01\x08\xEF\xBB\xBFx,y\n\"open,1\n2,3\n",
      "\x10\x01\"a,b,\xFF\n"};
  return {kSeeds, std::size(kSeeds)};
}
