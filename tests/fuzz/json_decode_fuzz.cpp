// Any bytes as NDJSON, with a schema and without: every line is a row, a dead letter or empty; and
// what was decoded is encoded as valid JSON again, one line a row.
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "operators/codecs/json.hpp"
#include "operators/common/json_validate.hpp"
#include "tests/fuzz/seeds.hpp"
#include "tests/operators/codecs/codec_stream.hpp"

namespace {

using flow::operators::Json;
using flow::testing::CodecStream;

Json::Options options(bool declared) {
  Json::Options result;
  result.max_line = {4096};
  result.max_fields = 20;
  if (!declared) return result;
  constexpr std::string_view kFields[][2] = {{"a", "text"}, {"b", "int"},       {"c", "float"},
                                             {"d", "bool"}, {"e", "timestamp"}, {"f", "json"}};
  for (const auto& [name, type] : kFields) {
    flow::Value value;
    value.type = FLOW_OPTION_TEXT;
    value.text = type;
    result.schema.items.emplace_back(std::string(name), value);
  }
  return result;
}

void run(std::string_view text, size_t read, bool declared) {
  const Json::Options chosen = options(declared);
  CodecStream<Json> stream(chosen);
  stream.read_in_pieces(text, read);
  if (!stream.balanced()) std::abort();

  Json::Shared shared(chosen, stream.host.host());
  Json encoder(chosen, shared);
  flow::testing::TestHost host;
  flow::Output out(host.abi());
  encoder.set_role(FLOW_ROLE_ENCODE);
  for (const flow::Batch& batch : stream.host.emitted[0]) {
    encoder.consume(0, batch, out);
    const flow::Batch encoded = std::exchange(host.emitted[0], {}).at(0);
    const flow::TextView documents(encoded.column(0));
    if (documents.size() != batch.rows()) std::abort();
    for (int64_t row = 0; row < documents.size(); ++row) {
      const std::string_view document = documents[row];
      if (document.find('\n') != document.size() - 1) std::abort();
      if (flow::operators::find_json_error(document)) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t read = 1 + data[0] * size_t{7};
  run(text, read, false);
  run(text, read, true);
  return 0;
}

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "\x80{\"a\":\"text\\u00e9\\n\",\"b\":12,\"c\":1.5e3,\"d\":true,\"e\":\"2025-10-28T10:15:"
      "30Z\","
      "\"f\":[1,{}]}\n{\"b\":\"7\",\"x\":null,\"x\":{\"y\":[\"]}\"]}}\r\n",
      "\x01{\"\\u0061\":1, \"k\" : \"\\ud83d\\ude00 \\\\\\\" end of a longer text\"}\n\n  \n{}\n",
      "\xff{\"b\":99999999999999999999,\"c\":1e999}\n{\"a\":{\"b\":1},\"b\":48.0,\"e\":1761646530."
      "25}"};
  return {kSeeds, std::size(kSeeds)};
}
