// Every builder, view, slice and selection, for all types, with and without nulls.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "flow/flow.hpp"
#include "flow/testing/host.hpp"

namespace flow::testing {
namespace {

struct TypeCase {
  const char* name;
  Type type;
  std::vector<Cell> cells;  // without null
};

std::vector<TypeCase> all_types() {
  const Type place = Type::structure({{"name", Type::text()}, {"lat", Type::float64()}});
  const auto at = [](const char* name, double lat) {
    return Cell::structure({{"name", name}, {"lat", lat}});
  };
  const std::string longer(100, 'x');
  return {
      {"bool", Type::boolean(), {true, false, false, true, true, false, true, true, false, true}},
      {"int64",
       Type::int64(),
       {0, -1, std::numeric_limits<int64_t>::max(), 7, 8, 9, 10, 11, 12, 13}},
      {"float64", Type::float64(), {0.0, -1.5, 1e300, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}},
      {"timestamp", Type::timestamp(), {0, 1'700'000'000'000'000'000, -5, 1, 2, 3, 4, 5, 6, 7}},
      {"text",
       Type::text(),
       {"", "short", "twelve bytes", "thirteen byte", longer, "\u00e4\u00f6\u00fc", longer + "y",
        "a", "b", longer}},
      {"binary",
       Type::binary(),
       {std::string("\0\xff", 2), "", longer, "x", "y", "z", longer + "z", "p", "q", "r"}},
      {"category",
       Type::category(),
       {"red", "green", "red", longer, "blue", "red", longer, "green", "", "blue"}},
      {"json",
       Type::json(),
       {"1", "null", "\"a text of some length\"", "[1, 2, 3]", "{}", "true", "1e3", "[]", "0",
        "\"\""}},
      {"struct",
       place,
       {at("Paris", 48.9), at(longer.c_str(), -1), at("", 0), at("a", 1), at("b", 2), at("c", 3),
        at("d", 4), at(longer.c_str(), 5), at("f", 6), at("g", 7)}},
      {"list",
       Type::list(Type::text()),
       {Cell::list({"a", longer}), Cell::list({}), Cell::list({"b"}),
        Cell::list({longer, "c", "d"}), Cell::list({}), Cell::list({"e"}),
        Cell::list({nullptr, "f"}), Cell::list({"g"}), Cell::list({"h"}), Cell::list({longer})}},
      {"list_of_structs",
       Type::list(place),
       {Cell::list({at("x", 1), at("y", 2)}), Cell::list({}), Cell::list({at(longer.c_str(), 3)}),
        Cell::list({nullptr}), Cell::list({at("z", 4)}), Cell::list({at("z", 4)}), Cell::list({}),
        Cell::list({at("z", 4)}), Cell::list({at("z", 4)}), Cell::list({at("z", 4)})}},
  };
}

std::vector<Cell> with_nulls(std::vector<Cell> cells) {
  for (size_t i = 0; i < cells.size(); i += 3) cells[i] = nullptr;
  return cells;
}

class ColumnOfEachType : public ::testing::TestWithParam<TypeCase> {
 protected:
  Batch batch_of(const std::vector<Cell>& cells) {
    return out_.make(
        static_cast<int64_t>(cells.size()),
        {{"value", {make_column(host_.host(), GetParam().type, cells), GetParam().type}}}, nullptr);
  }
  std::vector<Cell> cells_of(const Batch& batch) { return read_table(batch)["value"]; }
  void TearDown() override { EXPECT_EQ(host_.account.used(), 0) << "bytes are still charged"; }

  TestHost host_;
  Output out_{host_.abi()};
};

TEST_P(ColumnOfEachType, ReadsBackWhatWasBuilt) {
  EXPECT_EQ(cells_of(batch_of(GetParam().cells)), GetParam().cells);
}

TEST_P(ColumnOfEachType, HasNoBitmapWithoutNulls) {
  const Batch batch = batch_of(GetParam().cells);
  EXPECT_EQ(batch.column(0).array->buffers[0], nullptr);
  EXPECT_EQ(batch.column(0).array->null_count, 0);
  EXPECT_FALSE(Validity(batch.column(0)).has_nulls());
}

TEST_P(ColumnOfEachType, KeepsNulls) {
  const auto cells = with_nulls(GetParam().cells);
  const Batch batch = batch_of(cells);
  EXPECT_EQ(cells_of(batch), cells);
  EXPECT_EQ(batch.column(0).array->null_count, 4);
}

TEST_P(ColumnOfEachType, KeepsARowOfNullsOnly) {
  const std::vector<Cell> cells(3);
  EXPECT_EQ(cells_of(batch_of(cells)), cells);
}

TEST_P(ColumnOfEachType, MayBeEmpty) {
  const Batch batch = batch_of({});
  EXPECT_EQ(batch.rows(), 0);
  EXPECT_EQ(cells_of(Batch(out_.slice(batch, 0, 0))), std::vector<Cell>{});
  EXPECT_EQ(cells_of(out_.select(batch, nullptr, 0)), std::vector<Cell>{});
}

TEST_P(ColumnOfEachType, SlicesAnywhereAlsoTwice) {
  for (const auto& cells : {GetParam().cells, with_nulls(GetParam().cells)}) {
    const Batch batch = batch_of(cells);
    const auto n = static_cast<int64_t>(cells.size());
    for (int64_t first = 0; first <= n; ++first) {
      for (int64_t count = 0; first + count <= n; ++count) {
        const Batch once = out_.slice(batch, first, count);
        EXPECT_EQ(cells_of(once),
                  std::vector<Cell>(cells.begin() + first, cells.begin() + first + count));
        if (count < 2) continue;
        const Batch twice = out_.slice(once, 1, count - 1);
        EXPECT_EQ(cells_of(twice),
                  std::vector<Cell>(cells.begin() + first + 1, cells.begin() + first + count));
      }
    }
  }
}

TEST_P(ColumnOfEachType, SelectsRowsInAnyOrderFromASlice) {
  for (const auto& cells : {GetParam().cells, with_nulls(GetParam().cells)}) {
    const Batch sliced = out_.slice(batch_of(cells), 1, static_cast<int64_t>(cells.size()) - 1);
    const std::vector<int32_t> rows = {3, 0, 8, 0, 5};
    std::vector<Cell> expected;
    expected.reserve(rows.size());
    for (const int32_t row : rows) expected.push_back(cells[static_cast<size_t>(row) + 1]);
    EXPECT_EQ(cells_of(out_.select(sliced, rows.data(), 5)), expected);
  }
}

TEST_P(ColumnOfEachType, SurvivesItsBuilderAndTheBatchItWasSlicedFrom) {
  Batch kept;
  {
    const Batch whole = batch_of(GetParam().cells);
    kept = out_.slice(whole, 2, 3);
  }
  EXPECT_EQ(cells_of(kept),
            std::vector<Cell>(GetParam().cells.begin() + 2, GetParam().cells.begin() + 5));
  EXPECT_GT(host_.account.used(), 0);
}

INSTANTIATE_TEST_SUITE_P(AllTypes, ColumnOfEachType, ::testing::ValuesIn(all_types()),
                         [](const auto& info) { return info.param.name; });

TEST(CategoryView, ReadsARowWithoutValueWhereTheDictionaryIsEmpty) {
  TestHost host;
  const Column column = make_column(host.host(), Type::category(), {nullptr, nullptr});
  EXPECT_EQ(CategoryView(*column)[1], "");
  EXPECT_EQ(AnyTextView(*column)[1], "");
  std::vector<uint64_t> hashes(2);
  host::hash_column(*column, hashes);
  EXPECT_EQ(hashes[0], hashes[1]);
}

TEST(KeyHash, IsThatOfTheBytesWhereverATextStands) {
  TestHost host;
  const std::string letters = "a key of \xFF" + std::string("\0 any length", 12);
  std::vector<std::string> texts;
  for (size_t length = 0; length <= letters.size(); ++length) {
    texts.push_back(letters.substr(0, length));
  }
  TextBuilder builder(host.host(), static_cast<int64_t>(texts.size()));
  for (const std::string& text : texts) builder.append(text);
  const Column column = builder.finish();
  // What stands behind a short text in its view means nothing.
  for (size_t row = 0; row < texts.size() && texts[row].size() < FLOW_VIEW_INLINE; ++row) {
    auto* view = const_cast<flow_view*>(TextView(*column).views() + row);
    std::memset(reinterpret_cast<char*>(view) + sizeof view->length + texts[row].size(), 0x5A,
                FLOW_VIEW_INLINE - texts[row].size());
  }
  std::vector<uint64_t> hashes(texts.size());
  host::hash_column(*column, hashes, true);
  std::vector<uint64_t> mixed(texts.size(), 7);
  host::hash_column(*column, mixed, false);
  for (size_t row = 0; row < texts.size(); ++row) {
    EXPECT_EQ(hashes[row], host::hash_bytes(texts[row])) << row;
    EXPECT_EQ(mixed[row], host::hash_bytes(texts[row], 7)) << row;
  }
}

TEST(TextBuilder, SharesTheBuffersOfAnotherColumnWithoutACopy) {
  TestHost host;
  const std::string line = "GET /a/rather/long/path HTTP/1.1";
  const Column lines = make_column(host.host(), Type::text(), {line});
  TextBuilder builder(host.host(), 2);
  const int32_t first = builder.share(*lines);
  const std::string_view text = TextView(*lines)[0];
  builder.append_shared(text.substr(4, 19), first,
                        static_cast<const char*>(lines->array->buffers[2]));
  builder.append_shared(text.substr(0, 3), first,
                        static_cast<const char*>(lines->array->buffers[2]));
  const Column made = builder.finish();
  EXPECT_EQ(TextView(*made)[0], "/a/rather/long/path");
  EXPECT_EQ(TextView(*made)[1], "GET");
  EXPECT_EQ(made->array->buffers[2], lines->array->buffers[2]);
}

TEST(TextBuilder, MovesToAFurtherBufferWhenTheFirstIsFull) {
  TestHost host;
  TextBuilder builder(host.host(), 1000);
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) {
    texts.push_back(std::string(static_cast<size_t>(i), 'a') + std::to_string(i));
    builder.append(texts.back());
  }
  const Column column = builder.finish();
  EXPECT_GT(column->n_data, 1);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(TextView(*column)[i], texts[static_cast<size_t>(i)]);
}

TEST(Struct, IsNullInItsChildrenWhereItIsNull) {
  TestHost host;
  const Type type = Type::structure({{"a", Type::int64()}});
  const Column column = make_column(host.host(), type, {Cell::structure({{"a", 1}}), nullptr});
  EXPECT_TRUE(Validity(*column->children[0]).is_null(1));
  EXPECT_EQ(column->array->offset, 0);
}

TEST(FindColumn, ReachesInsideStructsAndPrefersTheColumnWhoseNameHasDots) {
  TestHost host;
  Output out(host.abi());
  const Type inner = Type::structure({{"b.c", Type::int64()}, {"d", Type::text()}});
  const Column column =
      make_column(host.host(), inner, {Cell::structure({{"b.c", 5}, {"d", "x"}})});
  const Column plain = make_column(host.host(), Type::int64(), {9});
  const Batch batch =
      out.make(1, {{"a", {column, inner}}, {"a.d", {plain, Type::int64()}}}, nullptr);
  EXPECT_EQ(Int64View(*batch.find("a.b.c"))[0], 5);
  EXPECT_EQ(batch.find("a.d")->type, FLOW_INT64);
  EXPECT_EQ(batch.find("a.x"), nullptr);
  EXPECT_EQ(batch.find("a.d.e"), nullptr);
}

TEST(Output, AddsReplacesAndPicksColumnsWithOneSchemaEach) {
  TestHost host;
  Output out(host.abi());
  const Column one = make_column(host.host(), Type::int64(), {1});
  const Column two = make_column(host.host(), Type::text(), {"2"});
  const Batch in = out.make(1, {{"a", {one, Type::int64()}}, {"b", {one, Type::int64()}}}, nullptr);
  const Batch with = out.with(in, {{"c", {two, Type::text()}}, {"a", {two, Type::text()}}});
  EXPECT_EQ(read_table(with), (Table{{"a", {"2"}}, {"b", {1}}, {"c", {"2"}}}));
  EXPECT_EQ(&with.column(1), &in.column(1)) << "an untouched column is passed on, not copied";
  EXPECT_EQ(&out.with(in, {{"c", {two, Type::text()}}, {"a", {two, Type::text()}}}).schema(),
            &with.schema());
  const std::vector<std::pair<uint32_t, std::string>> picked = {{1, "x"}, {0, "y"}};
  EXPECT_EQ(read_table(out.pick(with, picked)), (Table{{"x", {1}}, {"y", {"2"}}}));
  EXPECT_THROW(out.make(1, {{"a", {one, Type::int64()}}, {"a", {one, Type::int64()}}}, nullptr),
               Failure);
}

TEST(Schema, TellsFieldsWithManyChildrenApart) {
  TestHost host;
  std::vector<std::pair<std::string, Type>> many;
  many.reserve(256);
  for (int i = 0; i < 256; ++i) many.emplace_back("f" + std::to_string(i), Type::int64());
  const flow::detail::FieldTree wide("a", Type::structure(many));
  const flow::detail::FieldTree empty("a", Type::structure({}));
  const flow_field* const wide_fields[] = {wide.get()};
  const flow_field* const empty_fields[] = {empty.get()};
  const auto first =
      Reference<const flow_schema>::adopt(host.abi()->schema(host.abi(), wide_fields, 1));
  const auto second =
      Reference<const flow_schema>::adopt(host.abi()->schema(host.abi(), empty_fields, 1));
  EXPECT_NE(first.get(), second.get());
  EXPECT_EQ(second->fields[0]->n_children, 0U);
}

TEST(Batch, KeepsTheNamesOfItsOriginWhenTheirMakerIsGone) {
  TestHost host;
  Output out(host.abi());
  const Column one = make_column(host.host(), Type::int64(), {1});
  Batch batch;
  {
    const std::string partition = std::string("a partition's name, ") + "made for this test";
    flow_origin origin{};
    origin.size = sizeof origin;
    origin.source = "numbers";
    origin.partition = partition.c_str();
    origin.position = one.get();
    batch = out.make(1, {{"a", {one, Type::int64()}}}, &origin);
  }
  EXPECT_STREQ(batch.origin().partition, "a partition's name, made for this test");
  const Batch sliced = out.slice(batch, 0, 1);
  EXPECT_EQ(sliced.origin().partition, batch.origin().partition);
  EXPECT_EQ(Int64View(*sliced.origin().position)[0], 1);
}

TEST(Batch, MayOutliveTheHostThatMadeIt) {
  Batch kept;
  host::MemoryAccount* account = nullptr;
  {
    TestHost host;
    account = &host.account;
    Output out(host.abi());
    kept = out.make(
        1,
        {{"a", {make_column(host.host(), Type::text(), {"a text of some length"}), Type::text()}}},
        nullptr);
  }
  EXPECT_EQ(read_table(kept), (Table{{"a", {"a text of some length"}}}));
  EXPECT_GT(account->used(), 0);
  kept = Batch();
  EXPECT_EQ(account->used(), 0);
}

}  // namespace
}  // namespace flow::testing
