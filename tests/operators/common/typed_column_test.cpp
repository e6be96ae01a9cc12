#include "operators/common/typed_column.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "flow/output.hpp"
#include "flow/testing/host.hpp"

namespace flow::operators::typed_column_test {
namespace {

using flow::testing::Cell;
using flow::testing::TestHost;

DeclaredField field(flow_type type) {
  DeclaredField declared{"x", type, {}, {}};
  if (type == FLOW_CATEGORY) declared.categories = std::make_shared<SharedDictionary>();
  return declared;
}

class TypedColumnBuilderTest : public ::testing::Test {
 protected:
  std::vector<Cell> cells(const flow::TypedColumn& column) {
    Output out(host_.abi());
    return flow::testing::read_table(out.make(column.column.rows(), {{"x", column}}, nullptr))["x"];
  }
  // The values that the texts have; "-" where a text is refused.
  std::vector<Cell> typed(flow_type type, const std::vector<std::string>& texts) {
    TypedColumnBuilder builder(field(type));
    builder.start(host_.host(), static_cast<int64_t>(texts.size()));
    for (const std::string& text : texts) {
      if (!builder.append(text)) builder.append_null();
    }
    const flow::TypedColumn column = builder.finish();
    EXPECT_EQ(column.type, field(type).logical_type());
    return cells(column);
  }
  TestHost host_;
};

TEST_F(TypedColumnBuilderTest, TextsBecomeValuesOrAreRefused) {
  EXPECT_EQ(typed(FLOW_TEXT, {"", "short", "a text that is longer than a view"}),
            (std::vector<Cell>{"", "short", "a text that is longer than a view"}));
  EXPECT_EQ(typed(FLOW_INT64, {"0", "-7", "48.0", "1e3", "9223372036854775807",
                               "9223372036854775808", "1.5", "", "x", " 1", "+1"}),
            (std::vector<Cell>{0, -7, 48, 1000, int64_t{9223372036854775807}, nullptr, nullptr,
                               nullptr, nullptr, nullptr, nullptr}));
  EXPECT_EQ(typed(FLOW_FLOAT64, {"1", "-0.5", "1e3", "nan", "inf", "1e999", ""}),
            (std::vector<Cell>{1.0, -0.5, 1000.0, nullptr, nullptr, nullptr, nullptr}));
  EXPECT_EQ(typed(FLOW_BOOL, {"true", "false", "1", "True", ""}),
            (std::vector<Cell>{true, false, nullptr, nullptr, nullptr}));
  EXPECT_EQ(typed(FLOW_TIMESTAMP, {"1970-01-01T00:00:01Z", "yesterday", "1"}),
            (std::vector<Cell>{int64_t{1'000'000'000}, nullptr, nullptr}));
  EXPECT_EQ(typed(FLOW_JSON, {"[1, 2]", "[1", "null", "text"}),
            (std::vector<Cell>{"[1, 2]", nullptr, "null", nullptr}));
  EXPECT_EQ(typed(FLOW_CATEGORY, {"FR", "DE", "FR", ""}),
            (std::vector<Cell>{"FR", "DE", "FR", ""}));
}

TEST_F(TypedColumnBuilderTest, RowsThatAreNotWrittenAreNull) {
  for (const flow_type type :
       {FLOW_TEXT, FLOW_CATEGORY, FLOW_INT64, FLOW_FLOAT64, FLOW_BOOL, FLOW_TIMESTAMP, FLOW_JSON}) {
    TypedColumnBuilder builder(field(type));
    for (int batch = 0; batch < 2; ++batch) {
      builder.start(host_.host(), 20);
      EXPECT_EQ(cells(builder.finish(11)), std::vector<Cell>(11, nullptr));
    }
    builder.start(host_.host(), 0);
    EXPECT_TRUE(cells(builder.finish()).empty());
  }
}

TEST_F(TypedColumnBuilderTest, RowCanBeWrittenAgainAndTakenBack) {
  TypedColumnBuilder builder(field(FLOW_BOOL));
  builder.start(host_.host(), 3);
  EXPECT_TRUE(builder.put(0, "true"));
  EXPECT_TRUE(builder.put(0, "false"));
  EXPECT_FALSE(builder.put(0, "maybe"));
  EXPECT_TRUE(builder.put(1, "true"));
  builder.put_null(1);
  EXPECT_TRUE(builder.put(2, "true"));
  EXPECT_EQ(cells(builder.finish(3)), (std::vector<Cell>{false, nullptr, true}));
}

TEST_F(TypedColumnBuilderTest, PlacedTextsShareTheirBuffers) {
  const std::string bytes = "the first of two long texts|the second of two long texts";
  TextBuilder source(host_.host(), 1, FLOW_BINARY);
  source.append(bytes);
  const Column shared = source.finish();
  const auto* base = static_cast<const char*>(shared->data[0]->data);
  TypedColumnBuilder builder(field(FLOW_TEXT));
  builder.start(host_.host(), 3, shared.get());
  EXPECT_TRUE(
      builder.append({base, 27}, {.from = base, .buffer = 0, .offset = 0, .readable = false}));
  EXPECT_TRUE(builder.append("a text from somewhere else"));
  EXPECT_TRUE(
      builder.append({base + 28, 28}, {.from = base, .buffer = 0, .offset = 0, .readable = true}));
  const flow::TypedColumn column = builder.finish();
  EXPECT_EQ(column.column->data[0], shared->data[0]);
  EXPECT_EQ(column.column->n_data, 2);
  EXPECT_EQ(cells(column),
            (std::vector<Cell>{"the first of two long texts", "a text from somewhere else",
                               "the second of two long texts"}));
}

TEST_F(TypedColumnBuilderTest, CategoryOfTooManyTextsBecomesText) {
  const DeclaredField declared = field(FLOW_CATEGORY);
  TypedColumnBuilder builder(declared);
  constexpr int64_t kRows = 1000;
  std::vector<Type> types;
  for (int64_t first = 0; first < SharedDictionary::kMaximum + kRows; first += kRows) {
    builder.start(host_.host(), kRows + 1);
    for (int64_t row = 0; row < kRows; ++row) {
      EXPECT_TRUE(builder.append("a category's text " + std::to_string(first + row)));
    }
    builder.append_null();
    const flow::TypedColumn column = builder.finish();
    types.push_back(column.type);
    const AnyTextView texts(*column.column);
    EXPECT_EQ(texts[0], "a category's text " + std::to_string(first));
    EXPECT_EQ(texts[kRows - 1], "a category's text " + std::to_string(first + kRows - 1));
    EXPECT_TRUE(texts.is_null(kRows));
  }
  EXPECT_EQ(types.front(), Type::category());
  EXPECT_EQ(types.back(), Type::text());
}

}  // namespace
}  // namespace flow::operators::typed_column_test
