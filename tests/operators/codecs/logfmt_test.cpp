#include "operators/codecs/logfmt.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/operators/codecs/codec_stream.hpp"
#include "tests/operators/codecs/encode_rows.hpp"

namespace flow::operators::logfmt_test {
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
  bounded.read("n=1 x=2\nn=3 y=1\nx=1 x=3\nx=1 n=2 y=\n");
  const Table table = bounded.pull();
  EXPECT_EQ(table["x"], (Cells{"2", nullptr, "3"}));
  EXPECT_EQ(table["y"], (Cells{nullptr, "1", nullptr}));
  ASSERT_EQ(bounded.host.failed.size(), 1U);
  EXPECT_EQ(bounded.host.failed[0].reason, "too_many_fields");
}

TEST(Logfmt, WhichRowsHaveTooManyFieldsDoesNotDependOnBatches) {
  std::string text;
  for (int row = 0; row < 2000; ++row) {
    for (int i = 0; i <= row % 9; ++i) {
      text.append("k").append(std::to_string(i % 2 == 0 ? i : row * 9 + i)).append("=1 ");
    }
    text.append(row % 7 == 0 ? "k0=\n" : "\n");
  }
  Logfmt::Options options;
  options.max_fields = 6;
  const auto decoded = [&](size_t size, int64_t room) {
    CodecStream<Logfmt> stream(options);
    stream.host.limit_room(room);
    stream.read_in_pieces(text, size);
    EXPECT_TRUE(stream.balanced());
    std::vector<std::string> result;
    for (const auto& failure : stream.host.failed) {
      result.push_back(failure.record + failure.reason + failure.message);
    }
    for (const Batch& batch : stream.host.emitted[0]) {
      EXPECT_LE(batch.column_count(), 1000U);
      const Table table = flow::testing::read_table(batch);
      for (size_t row = 0; row < static_cast<size_t>(batch.rows()); ++row) {
        std::map<std::string, bool> fields;
        for (const auto& column : table.columns) {
          if (column.cells[row] == flow::testing::Cell(nullptr)) continue;
          fields[column.name] = column.cells[row] == flow::testing::Cell("1");
        }
        result.emplace_back("row");
        for (const auto& [name, one] : fields)
          result.back().append(one ? " " : " not ").append(name);
      }
    }
    // Failures come behind the rows of their piece.
    std::sort(result.begin(), result.end());
    return result;
  };
  const std::vector<std::string> whole = decoded(text.size(), -1);
  EXPECT_EQ(whole.size(), 2000U);
  EXPECT_EQ(decoded(200, -1), whole);
  EXPECT_EQ(decoded(3001, -1), whole);
  EXPECT_EQ(decoded(text.size(), 1), whole);
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
}  // namespace flow::operators::logfmt_test
