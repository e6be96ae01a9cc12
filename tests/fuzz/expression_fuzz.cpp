// The expression language: any text is refused with its column, or worked out over rows of every
// type, as a column and, where it is a condition, as a selection of the same rows.
#include <cstdint>
#include <iterator>
#include <string_view>

#include "flow/testing/harness.hpp"
#include "operators/common/expression/compiled_expression.hpp"
#include "operators/transforms/filter.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/fuzz/seeds.hpp"

namespace {

using namespace flow::operators;
using flow::testing::Cell;
using flow::testing::Harness;

struct Rows {
  Harness harness = Harness::of<Filter>({{"where", "true"}});
  flow::Batch batch = harness.batch(
      {{"i", {1, -1, INT64_MAX, INT64_MIN, nullptr}},
       {"f", {0.5, -0.0, 1e300, nullptr, 3.0}},
       {"b", {true, false, nullptr, true, false}},
       {"t", {"", "12", "a text that is longer than a view", nullptr, "\xC3\xA9"}},
       {"c", flow::Type::category(), {"fr", "de", nullptr, "fr", "\xC3\x89"}},
       {"j", flow::Type::json(), {"1", "\"a\\u00e9\"", "{\"a\":[1,2]}", "null", nullptr}},
       {"at", flow::Type::timestamp(), {0, INT64_MAX, INT64_MIN, nullptr, int64_t{1} << 60}},
       {"s",
        {Cell::structure({{"x", 1}}), nullptr, Cell::structure({{"x", 2}}), nullptr, nullptr}}});
};

}  // namespace

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "i >= 400 and c == 'FR' or not b",
      "t in ['a', 'b', '12'] and i not in [1, 2]",
      "t matches '^a.*w$'",
      "if(b, i / 2, f % 3) is not null",
      "concat(lower(c), trim(t), substring(t, -3, 2), replace(t, 'a', 'b'), split(t, ' ', 1))",
      "coalesce(to_int(t), length(c), abs(i), round(f, 2), floor(f), log(f), sqrt(i))",
      "truncate(at, 'month', 'Europe/Paris') < '2025-10-28T10:15:30Z'",
      "format_time(at, '%d/%b/%Y:%H:%M:%S %z')",
      "parse_time(t, '%Y-%m-%d') - at > 1e3",
      "get(j, 'a[1]') == 2 and `s.x` > 1 or s.x is null",
      "ip_in_network(t, '10.0.0.0/8', 'fc00::/7') or xxhash(t) % 10 < 5 or sha256(t) == ''",
      "-9223372036854775808 % -1 * -(i - 1)"};
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Rows& rows = *new Rows;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const flow::Host host = rows.harness.host().host();
  try {
    const CompiledExpression compiled = CompiledExpression::compile(text, "where");
    ExpressionEvaluator evaluator(compiled);
    const flow::TypedColumn column = evaluator.evaluate(rows.batch, host);
    require(column.column.rows() == rows.batch.rows());
    require(column.type == compiled.infer(rows.batch.schema()).type);
    if (!(column.type == flow::Type::boolean())) return 0;
    const Selection selection = evaluator.select(rows.batch, host);
    const flow::BoolView truths(*column.column);
    std::size_t at = 0;
    for (int64_t row = 0; row < truths.size(); ++row) {
      if (truths.is_null(row) || !truths[row]) continue;
      require(at < selection.rows.size() && selection.rows[at++] == row);
    }
    require(at == selection.rows.size() && selection.nulls == column.column.null_count());
  } catch (const flow::Failure& refused) {
    require(std::string_view(refused.what()).find("where: column ") == 0);
  }
  return 0;
}
