#include "operators/codecs/json_fragments.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "flow/dictionary.hpp"
#include "flow/testing/harness.hpp"
#include "operators/codecs/json.hpp"
#include "operators/common/split_mix.hpp"

namespace flow::operators {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;

constexpr int kRows = 1500;

// A place and a browser a row, of some hundred each, with nulls of every kind among them.
Table places_and_browsers() {
  const Type location = Type::structure({{"lat", Type::float64()}, {"lon", Type::float64()}});
  const Type size = Type::structure({{"width", Type::int64()}});
  Table table = {{"host", Type::text(), {}},
                 {"city", Type::category(), {}},
                 {"country", Type::category(), {}},
                 {"location", location, {}},
                 {"browser", Type::category(), {}},
                 {"system", Type::category(), {}},
                 {"screen", size, {}},
                 {"page", Type::text(), {}}};
  const auto add = [&](size_t column, Cell cell) {
    table.columns[column].cells.push_back(std::move(cell));
  };
  for (uint64_t row = 0; row < kRows; ++row) {
    const uint64_t place = split_mix(1, row) % 400;
    const uint64_t browser = split_mix(2, row) % 30;
    add(0, place % 11 == 0 ? Cell(nullptr) : Cell("host " + std::to_string(row)));
    // One that is too long to be remembered, and one with something to escape.
    const std::string city = place == 1   ? std::string(300, 'x')
                             : place == 2 ? "St. \"John's\"\n"
                                          : "city " + std::to_string(place);
    add(1, place % 7 == 0 ? Cell(nullptr) : Cell(city));
    add(2, place % 5 == 0 ? Cell(nullptr) : Cell("C" + std::to_string(place % 20)));
    const double degrees = static_cast<double>(place) / 7;
    const Cell lat = place % 13 == 0 ? Cell(nullptr) : Cell(place % 17 == 0 ? 0.0 : degrees);
    const Cell lon = place % 19 == 0 ? Cell(nullptr) : Cell(place % 2 == 0 ? -0.0 : 0.0);
    add(3, place % 23 == 0 ? Cell(nullptr) : Cell::structure({{"lat", lat}, {"lon", lon}}));
    add(4, browser == 0 ? Cell(nullptr) : Cell("Browser " + std::to_string(browser)));
    add(5, Cell("System " + std::to_string(browser % 4)));
    const auto width = static_cast<int64_t>(browser % 3);
    add(6, browser == 5 ? Cell(nullptr) : Cell::structure({{"width", width}}));
    add(7, Cell("page"));
  }
  return table;
}

std::vector<Cell> encode(const Table& table, const Settings& settings, int64_t rows_a_batch,
                         int64_t first_row = 0) {
  auto harness = Harness::of<Json>(settings, FLOW_ROLE_ENCODE_MESSAGE);
  const Batch batch = harness.batch(table);
  std::vector<Cell> rows;
  for (int64_t first = first_row; first < batch.rows(); first += rows_a_batch) {
    const int64_t n = std::min(rows_a_batch, batch.rows() - first);
    harness.push(harness.host().host().slice(batch, first, n));
    const Table encoded = harness.pull();
    const std::vector<Cell>& cells = encoded["bytes"];
    rows.insert(rows.end(), cells.begin(), cells.end());
  }
  return rows;
}

TEST(JsonFragments, SayWhatTheFieldsSayByThemselves) {
  const Table table = places_and_browsers();
  for (const char* nulls : {"omit", "write"}) {
    const Settings settings = {{"nulls", nulls}};
    // Batches of a few rows are encoded field by field.
    const std::vector<Cell> single = encode(table, settings, kJsonPlanRows / 4);
    ASSERT_EQ(single.size(), size_t{kRows});
    EXPECT_EQ(encode(table, settings, kRows), single) << nulls;
    EXPECT_EQ(encode(table, settings, 301), single) << nulls;
    // From a place inside a byte of the validity bitmaps.
    EXPECT_EQ(encode(table, settings, kRows, 3),
              std::vector<Cell>(single.begin() + 3, single.end()))
        << nulls;
  }
}

TEST(JsonFragments, FollowDictionariesThatAreReplaced) {
  auto harness = Harness::of<Json>({}, FLOW_ROLE_ENCODE_MESSAGE);
  const Host host = harness.host().host();
  Output maker(harness.host().abi());
  for (const std::string prefix : {"a", "b", "c"}) {
    SharedDictionary left;
    SharedDictionary right;
    DictionaryBuilder lefts(host, kJsonPlanRows, left);
    DictionaryBuilder rights(host, kJsonPlanRows, right);
    std::vector<Cell> expected;
    for (int64_t row = 0; row < kJsonPlanRows; ++row) {
      const std::string value = prefix + std::to_string(row % 10);
      lefts.append(left.intern(host, value), value);
      rights.append(right.intern(host, value + "!"), value + "!");
      expected.emplace_back("{\"l\":\"" + value + "\",\"r\":\"" + value + "!\"}");
    }
    harness.push(
        maker.make(kJsonPlanRows, {{"l", lefts.finish()}, {"r", rights.finish()}}, nullptr));
    EXPECT_EQ(harness.pull()["bytes"], expected);
  }
}

// The ranges that are remembered together, as "first+count".
std::string planned(const Table& table) {
  auto harness = Harness::of<Json>({}, FLOW_ROLE_ENCODE_MESSAGE);
  const Batch batch = harness.batch(table);
  std::vector<JsonField> fields(batch.column_count());
  for (uint32_t i = 0; i < batch.column_count(); ++i) {
    fields[i].plan(*batch.schema().fields[i]);
    fields[i].bind(batch.column(i));
  }
  std::string result;
  size_t covered = 0;
  for (const JsonFieldRange& range : plan_fragments(fields, batch.rows())) {
    EXPECT_EQ(range.first, covered);
    covered += range.count;
    if (!range.is_fragment) continue;
    result.append(result.empty() ? "" : " ").append(std::to_string(range.first));
    result.append("+").append(std::to_string(range.count));
  }
  EXPECT_EQ(covered, fields.size());
  return result;
}

TEST(JsonFragments, FieldsThatDependOnEachOtherAreTogether) {
  EXPECT_EQ(planned(places_and_browsers()), "1+3 4+3");
}

TEST(JsonFragments, IndependentFieldsOfManyValuesAreApart) {
  Table table = {{"a", Type::category(), {}}, {"b", Type::category(), {}}};
  for (uint64_t row = 0; row < kRows; ++row) {
    table.columns[0].cells.emplace_back(std::to_string(split_mix(1, row) % 500));
    table.columns[1].cells.emplace_back(std::to_string(split_mix(2, row) % 500));
  }
  EXPECT_EQ(planned(table), "");
}

TEST(JsonFragments, MoreFieldsThanAKeyHoldsAreSeveralFragments) {
  Table table;
  for (int column = 0; column < 9; ++column) {
    table.columns.push_back({"c" + std::to_string(column), Type::category(), {}});
    for (int row = 0; row < kRows; ++row) {
      table.columns.back().cells.emplace_back(std::to_string(row % 3));
    }
  }
  EXPECT_EQ(planned(table), "0+4 4+4");
}

}  // namespace
}  // namespace flow::operators
