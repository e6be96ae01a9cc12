#include "operators/codecs/text.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/operators/codecs/encode_rows.hpp"

namespace flow::operators::codecs_text_test {
namespace {

using flow::testing::Cell;
using flow::testing::Table;
using flow::testing::TestHost;

std::string encoded(TestHost& host, const TextCodec::Options& options, const Table& rows,
                    flow_role role = FLOW_ROLE_ENCODE) {
  TextCodec::Shared shared(options, host.host());
  TextCodec codec(options, shared);
  return flow::testing::encoded(host, codec, rows, role);
}

TextCodec::Options form(const std::string& text) {
  TextCodec::Options options;
  options.format = text;
  return options;
}

TEST(Text, FieldsStandInTheirBraces) {
  TestHost host;
  const Table rows = {{"host", {"a", "b"}},
                      {"n", {1, 2}},
                      {"at", Type::timestamp(), {0, int64_t{1761646530000000000}}},
                      {"p", {Cell::structure({{"x", 1.5}}), Cell::structure({{"x", 2.0}})}}};
  EXPECT_EQ(encoded(host, form("{{{host}}}\t{n} {at:%Y/%m/%d} {p.x}"), rows),
            "{a}\t1 1970/01/01 1.5\n{b}\t2 2025/10/28 2\n");
}

TEST(Text, DelimiterIsForStreamsOnly) {
  TestHost host;
  TextCodec::Options options = form("{a}");
  options.delimiter = ";";
  EXPECT_EQ(encoded(host, options, {{"a", {1, 2}}}), "1;2;");
  EXPECT_EQ(encoded(host, options, {{"a", {1}}}, FLOW_ROLE_ENCODE_MESSAGE), "1");
}

TEST(Text, AbsentFieldFailsOrIsWritten) {
  TestHost host;
  const Table rows = {{"a", {"x", nullptr, "y"}}};
  EXPECT_EQ(encoded(host, form("<{a}>"), rows), "<x>\n<y>\n");
  ASSERT_EQ(host.failed.size(), 1U);
  EXPECT_EQ(host.failed[0].reason, "missing_field");
  EXPECT_EQ(host.failed[0].row, 1);
  TextCodec::Options options = form("<{a}{b}>");
  options.null_text = "-";
  EXPECT_EQ(encoded(host, options, rows), "<x->\n<-->\n<y->\n");
}

TEST(Text, TemplateThatIsNoneIsRefused) {
  TestHost host;
  EXPECT_THROW(TextCodec::Shared(form("{open"), host.host()), OptionFailure);
  EXPECT_THROW(TextCodec::Shared(form("{}"), host.host()), OptionFailure);
  EXPECT_THROW(encoded(host, form("{a}"), {{"a", {Cell::list({1})}}}), Failure);
}

}  // namespace
}  // namespace flow::operators::codecs_text_test
