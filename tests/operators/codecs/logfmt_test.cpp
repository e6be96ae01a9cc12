#include "operators/codecs/logfmt.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/operators/codecs/codec_stream.hpp"
#include "tests/operators/codecs/encode_rows.hpp"

namespace flow::operators {
namespace {

using flow::testing::Cell;
using flow::testing::CodecStream;
using flow::testing::Table;
using flow::testing::TestHost;
using Cells = std::vector<Cell>;

Value type(const std::string& name) {
  Value value;
  value.type = FLOW_OPTION_TEXT;
  value.text = name;
  return value;
}

TEST(Logfmt, NamesBecomeColumns) {
  CodecStream<Logfmt> stream;
  stream.read("level=info msg=\"it works well enough\" ok\nlevel=warn  empty= url=a=b\n");
  const Table table = stream.pull();
  EXPECT_EQ(table["level"], (Cells{"info", "warn"}));
  EXPECT_EQ(table["msg"], (Cells{"it works well enough", nullptr}));
  EXPECT_EQ(table["ok"], (Cells{"true", nullptr}));
  EXPECT_EQ(table["empty"], (Cells{nullptr, ""}));
  EXPECT_EQ(table["url"], (Cells{nullptr, "a=b"}));
  EXPECT_TRUE(stream.balanced());
}

TEST(Logfmt, EscapesAreThoseOfJson) {
  CodecStream<Logfmt> stream;
  stream.read(R"(a="\"q\" \\ \n\t\u00e9\ud83d\ude00 \ud800 \x")"
              "\n");
  EXPECT_EQ(stream.pull()["a"], Cells{"\"q\" \\ \n\t\xC3\xA9\xF0\x9F\x98\x80 \xEF\xBF\xBD \\x"});
}

TEST(Logfmt, FaultsHaveAReasonAndAPlace) {
  CodecStream<Logfmt> stream;
  stream.read("=x\na=\"open\na=\"b\"c\n \t\nok=1\n");
  EXPECT_EQ(stream.pull()["ok"], Cells{"1"});
  std::vector<std::string> reasons;
  for (const auto& failure : stream.host.failed) reasons.push_back(failure.reason);
  EXPECT_EQ(reasons, (std::vector<std::string>{"no_name", "unclosed_quote", "text_after_quote",
                                               "no_fields"}));
  EXPECT_EQ(stream.host.failed[1].message, "column 3: the quote is not closed");
}

TEST(Logfmt, DeclaredNamesHaveTheirTypeAndBadRowsLeaveNothing) {
  Logfmt::Options options;
  options.schema.items = {{"n", type("int")}};
  CodecStream<Logfmt> stream(options);
  stream.read("fresh=1 n=x\nn=2\n");
  const Table table = stream.pull();
  EXPECT_EQ(table["n"], Cells{2});
  EXPECT_EQ(table.columns.size(), 1U);
  ASSERT_EQ(stream.host.failed.size(), 1U);
  EXPECT_EQ(stream.host.failed[0].reason, "bad_type");
}

TEST(Logfmt, UndeclaredNamesCanBeDroppedAndAreBounded) {
  Logfmt::Options options;
  options.schema.items = {{"n", type("int")}};
  options.undeclared = Undeclared::kDrop;
  CodecStream<Logfmt> dropping(options);
  dropping.read("n=1 x=2\n");
  EXPECT_EQ(dropping.pull().columns.size(), 1U);

  options.undeclared = Undeclared::kKeep;
  options.max_fields = 2;
  CodecStream<Logfmt> bounded(options);
  bounded.read("n=1 x=2\nn=3 y=1\n");
  EXPECT_EQ(bounded.pull()["x"], Cells{"2"});
  EXPECT_EQ(bounded.host.failed.at(0).reason, "too_many_fields");
}

TEST(Logfmt, WritesWhatItReads) {
  TestHost host;
  const Logfmt::Options options;
  Logfmt::Shared shared(options, host.host());
  Logfmt codec(options, shared);
  const Table rows = {{"a b", {"x y", "=", "plain", nullptr}},
                      {"n", {1, nullptr, 3, nullptr}},
                      {"t", {"\n", "", "z", nullptr}}};
  EXPECT_EQ(flow::testing::encoded(host, codec, rows),
            "a_b=\"x y\" n=1 t=\"\\n\"\na_b=\"=\" t=\"\"\na_b=plain n=3 t=z\n");
  EXPECT_EQ(host.failed.at(0).reason, "no_fields");
}

}  // namespace
}  // namespace flow::operators
