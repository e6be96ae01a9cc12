#include "core/observe/row_text.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "flow/output.hpp"
#include "flow/testing/host.hpp"
#include "flow/testing/table.hpp"

namespace flowrun::row_text_test {
namespace {

using flow::Type;
using flow::testing::Cell;

class RowTextTest : public ::testing::Test {
 protected:
  flow::Batch batch(const flow::testing::Table& table) {
    std::vector<flow::NewColumn> columns;
    for (const auto& column : table.columns) {
      columns.push_back(
          {column.name,
           {flow::testing::make_column(host_.host(), column.type, column.cells), column.type}});
    }
    flow::Output out(host_.abi());
    return out.make(table.rows(), columns, nullptr);
  }
  std::string json(const flow::testing::Table& table, std::int64_t row = 0) {
    return row_json(*batch(table), row);
  }

  flow::testing::TestHost host_;
};

TEST_F(RowTextTest, WritesEveryTypeAsJson) {
  EXPECT_EQ(json({{"b", Type::boolean(), {true}}, {"i", {-5}}, {"f", {0.1}}, {"t", {"a\"b\n"}}}),
            R"({"b":true,"i":-5,"f":0.1,"t":"a\"b\n"})");
  EXPECT_EQ(json({{"c", Type::category(), {"x"}}, {"j", Type::json(), {"{\"a\": [1]}"}}}),
            R"({"c":"x","j":{"a": [1]}})");
  EXPECT_EQ(json({{"n", Type::int64(), {nullptr}}, {"f", {std::nan("")}}}),
            R"({"n":null,"f":null})");
}

TEST_F(RowTextTest, WritesNestedValues) {
  const Type place = Type::structure({{"lat", Type::float64()}, {"name", Type::text()}});
  const flow::testing::Table table = {
      {"l", Type::list(Type::int64()), {Cell::list({1, nullptr}), Cell::list({3})}},
      {"s", place, {Cell::structure({{"lat", 1.5}, {"name", "x"}}), nullptr}}};
  EXPECT_EQ(json(table, 0), R"({"l":[1,null],"s":{"lat":1.5,"name":"x"}})");
  EXPECT_EQ(json(table, 1), R"({"l":[3],"s":null})");
  EXPECT_EQ(type_text(*batch(table).schema().fields[0]), "list<int64>");
  EXPECT_EQ(type_text(*batch(table).schema().fields[1]), "struct<lat float64, name text>");
}

TEST(TimestampText, HasNoMoreDigitsThanItNeeds) {
  EXPECT_EQ(timestamp_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(timestamp_text(1'761'646'530'500'000'000), "2025-10-28T10:15:30.5Z");
  EXPECT_EQ(timestamp_text(-1), "1969-12-31T23:59:59.999999999Z");
}

TEST_F(RowTextTest, AlignsATable) {
  RowTable table(8);
  const flow::Batch first = batch({{"id", {7, 12345}}, {"name", {"\xC3\xA9t\xC3\xA9", nullptr}}});
  table.add(*first, 0);
  table.add(*first, 1);
  table.add(*batch({{"name", {"a\x1B[31m text that is long"}}, {"more", {true}}}), 0);
  EXPECT_EQ(table.rows(), 3U);
  EXPECT_EQ(table.to_string(),
            "   id  name      more\n"
            "int64  text      bool\n"
            "-----  --------  ----\n"
            "    7  \xC3\xA9t\xC3\xA9\n"
            "12345  null\n"
            "       a\\x1b[3\xE2\x80\xA6  true\n");
}

}  // namespace
}  // namespace flowrun::row_text_test
