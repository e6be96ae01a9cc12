#include "operators/codecs/pretty.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::pretty_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Settings;
using flow::testing::Table;

std::string encode(const Table& table, const Settings& settings = {},
                   flow_role role = FLOW_ROLE_ENCODE) {
  Harness harness = Harness::of<Pretty>(settings, role);
  harness.push(table);
  std::string all;
  int64_t rows = 0;
  for (const Batch& batch : harness.pull_batches()) {
    const TextView texts(batch.column(0));
    rows += texts.size();
    for (int64_t row = 0; row < texts.size(); ++row) all.append(texts[row]);
  }
  EXPECT_EQ(rows, table.rows());
  return all;
}

Table places() {
  const Type place = Type::structure({{"lat", Type::float64()}, {"name", Type::text()}});
  return {{"when", Type::timestamp(), {int64_t{1'761'646'530'500'000'000}, nullptr}},
          {"status", {200, 404}},
          {"place", place, {Cell::structure({{"lat", 1.5}, {"name", "here"}}), nullptr}},
          {"raw", Type::json(), {"\"a\\tb\"", "[1, 2]"}},
          {"tags", Type::list(Type::text()), {Cell::list({"a", "b"}), Cell::list({})}}};
}

TEST(PrettyTest, RowsAreAlignedBlocks) {
  EXPECT_EQ(encode(places()),
            "when        2025-10-28T10:15:30.5Z\n"
            "status      200\n"
            "place.lat   1.5\n"
            "place.name  here\n"
            "raw         a\\tb\n"
            "tags        [a, b]\n"
            "\n"
            "status      404\n"
            "raw         [1, 2]\n"
            "tags        []\n"
            "\n");
}

TEST(PrettyTest, RowsAreLines) {
  EXPECT_EQ(encode(places(), {{"layout", "line"}, {"nulls", "write"}}),
            "when=2025-10-28T10:15:30.5Z  status=200  place.lat=1.5  place.name=here  raw=a\\tb  "
            "tags=[a, b]\n"
            "when=null  status=404  place.lat=null  place.name=null  raw=[1, 2]  tags=[]\n");
}

TEST(PrettyTest, MessagesHaveNoLineEnd) {
  EXPECT_EQ(encode({{"a", {1, 2}}}, {}, FLOW_ROLE_ENCODE_MESSAGE), "a  1a  2");
}

TEST(PrettyTest, FurtherLinesAreIndented) {
  const Table table = {{"text", {"one\ntwo"}}, {"n", {1}}};
  EXPECT_EQ(encode(table), "text  one\n      two\nn     1\n\n");
  EXPECT_EQ(encode(table, {{"layout", "line"}}), "text=one\\ntwo  n=1\n");
}

TEST(PrettyTest, NothingCommandsTheTerminal) {
  EXPECT_EQ(encode({{"t", {"\x1b[31mred\x07 \xC2\x9B \xE2\x80\xAE caf\xC3\xA9"}}}),
            "t  \\x1b[31mred\\x07 \\xc2\\x9b \\xe2\\x80\\xae caf\xC3\xA9\n\n");
  EXPECT_EQ(encode({{"b", Type::binary(), {std::string("\xff\0x", 3)}}}), "b  \\xff\\x00x\n\n");
  EXPECT_EQ(encode({{"\x1b[2J", {1}}}), "\\x1b[2J  1\n\n");
}

TEST(PrettyTest, ColorsOnlyWhereTheyAreWanted) {
  const Table table = {{"t", {"x"}}, {"n", {1}}};
  EXPECT_EQ(encode(table, {{"color", "always"}}),
            "\x1b[36mt\x1b[0m  x\n\x1b[36mn\x1b[0m  \x1b[33m1\x1b[0m\n\n");
  EXPECT_EQ(encode(table, {{"color", "never"}}), "t  x\nn  1\n\n");
  // The standard output of tests is no terminal.
  EXPECT_EQ(encode(table, {{"color", "auto"}}).find('\x1b'), std::string::npos);
}

TEST(PrettyTest, LongNamesPushTheirValuesAside) {
  const std::string name(40, 'n');
  EXPECT_EQ(encode({{name, {1}}, {"a", {2}}}), name + "  1\na" + std::string(33, ' ') + "2\n\n");
}

TEST(PrettyTest, ItDoesNotDecode) {
  Harness harness = Harness::of<Pretty>({}, FLOW_ROLE_DECODE);
  EXPECT_EQ(harness.try_push(harness.batch({{"bytes", Type::binary(), {"x"}}})), FLOW_FAILED);
  EXPECT_NE(harness.host().error.find("encodes only"), std::string::npos);
}

}  // namespace
}  // namespace flow::operators::pretty_test
