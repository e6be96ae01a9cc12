// Any bytes as the table of a lookup, in CSV and in NDJSON: a table whose rows are found again by
// their keys, or a refusal.
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "flow/testing/host.hpp"
#include "flow/utf8.hpp"
#include "operators/transforms/lookup_reader.hpp"
#include "operators/transforms/lookup_table.hpp"
#include "tests/fuzz/seeds.hpp"

namespace {

using flow::operators::LookupTable;
using flow::operators::TextTable;

void check(const TextTable& texts) {
  flow::testing::TestHost host;
  std::vector<flow::operators::DeclaredField> fields;
  for (size_t i = 1; i < texts.width(); ++i) {
    fields.push_back({texts.names[i], FLOW_TEXT, {}, {}});
  }
  const LookupTable table(host.host(), texts, 1, fields);
  std::string key;
  for (int64_t row = 0; row < texts.rows(); ++row) {
    key.clear();
    flow::operators::append_key_part(texts.text(row, 0), key);
    const int32_t found = table.find(key);
    if (texts.is_null(row, 0)) continue;
    // The last of those with the same key.
    if (found < row || texts.text(found, 0) != texts.text(row, 0)) std::abort();
  }
}

template <class Read>
void read_both_ways(const Read& read, const std::vector<std::string>& names) {
  TextTable texts(1 << 20);
  texts.names = names;
  try {
    read(texts);
  } catch (const flow::Failure& refusal) {
    if (refusal.what()[0] == '\0') std::abort();
    return;
  }
  check(texts);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text;
  flow::append_repaired_utf8({reinterpret_cast<const char*>(data), size}, text);
  const auto csv = [&](TextTable& texts) { read_csv_table("t.csv", text, texts); };
  read_both_ways(csv, {});
  read_both_ways(csv, {"a", "b"});
  read_both_ways([&](TextTable& texts) { read_ndjson_table("t.ndjson", text, texts); }, {"a", "b"});
  return 0;
}

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "a,b\n1,x\n1,\"y\nz\"\n,2\n", "{\"a\":1,\"b\":\"x\"}\n\n{\"a\":null,\"b\":[1]}\n"};
  return {kSeeds, std::size(kSeeds)};
}
