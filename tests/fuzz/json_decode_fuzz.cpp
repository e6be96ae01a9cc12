// Any bytes as NDJSON, with a schema and without: every line is a row, a dead letter or empty; what
// was decoded is encoded as valid JSON again, one line a row; a schema gives what `cast` makes of
// the tokens; and the fast walk takes what the slow check and simdjson take.
#include <simdjson.h>

#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "operators/codecs/json.hpp"
#include "operators/common/json_validate.hpp"
#include "operators/common/json_walk.hpp"
#include "operators/transforms/cast.hpp"
#include "tests/fuzz/seeds.hpp"
#include "tests/operators/codecs/codec_stream.hpp"

namespace {

using flow::operators::Json;
using flow::testing::CodecStream;

constexpr std::string_view kFields[][2] = {{"a", "text"},    {"b", "int"},       {"c", "float"},
                                           {"d", "bool"},    {"e", "timestamp"}, {"f", "json"},
                                           {"g", "category"}};

flow::Table schema() {
  flow::Table table;
  for (const auto& [name, type] : kFields) {
    flow::Value value;
    value.type = FLOW_OPTION_TEXT;
    value.text = type;
    table.items.emplace_back(std::string(name), value);
  }
  return table;
}

Json::Options options(bool declared) {
  Json::Options result;
  result.max_line = {4096};
  result.max_fields = 20;
  if (!declared) return result;
  result.schema = schema();
  flow::Value value;
  value.type = FLOW_OPTION_TEXT;
  value.text = "int";
  result.schema.items.emplace_back("o.p", value);
  value.text = "category";
  result.schema.items.emplace_back("o.q.r", value);
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

// The rows that come of a text, by the position of their lines, and the reasons of the other lines.
struct Decoded {
  flow::testing::Table table;
  std::map<int64_t, size_t> rows;
  std::map<std::string, std::string> refused;
};

Decoded decode(std::string_view text, const Json::Options& chosen, bool cast) {
  CodecStream<Json> stream(chosen);
  stream.decode(text);
  Decoded result;
  for (const auto& failure : stream.host.failed) result.refused[failure.record] = failure.reason;
  if (stream.host.emitted[0].empty()) return result;
  flow::Batch batch = stream.host.emitted[0].at(0);
  const flow::Int64View positions(*batch.origin().position);
  for (int64_t row = 0; row < batch.rows(); ++row) {
    result.rows[positions[row]] = static_cast<size_t>(row);
  }
  if (cast) {
    flow::operators::Cast::Options wanted;
    wanted.fields = schema();
    wanted.on_unfit = flow::operators::Cast::OnUnfit::kNull;
    wanted.missing = flow::operators::Missing::kIgnore;
    flow::testing::TestHost host;
    flow::Output out(host.abi());
    flow::operators::Cast::Shared shared(wanted, host.host());
    flow::operators::Cast(wanted, shared).process(batch, out);
    batch = host.emitted[0].at(0);
  }
  result.table = flow::testing::read_table(batch);
  return result;
}

void compare_with_cast(std::string_view text) {
  Json::Options plain;
  Json::Options declared;
  plain.max_fields = declared.max_fields = 10000;
  declared.schema = schema();
  const Decoded tokens = decode(text, plain, true);
  const Decoded typed = decode(text, declared, false);
  for (const auto& [record, reason] : tokens.refused) {
    const auto same = typed.refused.find(record);
    if (same == typed.refused.end() || same->second != reason) std::abort();
  }
  for (const auto& [position, row] : typed.rows) {
    const auto other = tokens.rows.find(position);
    if (other == tokens.rows.end()) std::abort();
    for (const auto& field : kFields) {
      const std::string name(field[0]);
      const flow::testing::Cell none = nullptr;
      const bool known = tokens.table.has(name);
      if (!(typed.table[name][row] == (known ? tokens.table[name][other->second] : none))) {
        std::abort();
      }
    }
  }
}

void compare_checks(std::string_view text) {
  const std::string padded = std::string(text) + std::string(flow::operators::kJsonPadding, '"');
  const char* const end = padded.data() + text.size();
  flow::operators::JsonTraits traits;
  const char* at = flow::operators::skip_json_space(padded.data(), end);
  at = flow::operators::skip_json_value(at, end, traits);
  const bool walked = at != nullptr && flow::operators::skip_json_space(at, end) == end;
  if (walked == flow::operators::find_json_error(text).has_value()) std::abort();
  simdjson::dom::parser parser;
  if (parser.parse(simdjson::padded_string(text)).error() == simdjson::SUCCESS && !walked) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t read = 1 + data[0] * size_t{7};
  run(text, read, false);
  run(text, read, true);
  compare_with_cast(text);
  compare_checks(text);
  return 0;
}

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      ("\x80{\"a\":\"text\\u00e9\\n\",\"b\":12,\"c\":1.5e3,\"d\":true,\"e\":\"2025-10-28T10:15:"
       "30Z\","
       "\"f\":[1,{}]}\n{\"b\":\"7\",\"x\":null,\"x\":{\"y\":[\"]}\"]}}\r\n"),
      "\x01{\"\\u0061\":1, \"k\" : \"\\ud83d\\ude00 \\\\\\\" end of a longer text\"}\n\n  \n{}\n",
      ("\xff{\"b\":99999999999999999999,\"c\":1e999}\n{\"a\":{\"b\":1},\"b\":48.0,\"e\":1761646530."
       "25}"),
      ("{\"g\":\"FR\",\"o\":{\"p\":1,\"q\":{\"r\":\"DE\",\"s\":[1]}}}\n"
       "{\"g\":\"FR\",\"o\":{\"p\":1},\"o\":null}\n"),
      ("{\"e\":\"2025-10-28T10:15:30Z\",\"e\":1,\"e\":-1.5e9,\"d\":\"true\",\"c\":\"1e3\",\"b\":-"
       "0}")};
  return {kSeeds, std::size(kSeeds)};
}
