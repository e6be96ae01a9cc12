#include <gtest/gtest.h>

#include <string>

#include "operators/codecs/csv.hpp"
#include "tests/operators/codecs/encode_rows.hpp"

namespace flow::operators::csv_encode_test {
namespace {

using flow::testing::Cell;
using flow::testing::encoded;
using flow::testing::Table;
using flow::testing::TestHost;

struct Encoded {
  std::string text;
  std::vector<std::string> failed;
};

Encoded encode(const Table& rows, const Csv::Options& options = {},
               flow_role role = FLOW_ROLE_ENCODE) {
  TestHost host;
  Csv::Shared shared(options, host.host());
  Csv codec(options, shared);
  Encoded result{encoded(host, codec, rows, role), {}};
  for (const auto& failure : host.failed) result.failed.push_back(failure.reason);
  return result;
}

TEST(CsvEncode, QuotesWhatNeedsIt) {
  const Table rows = {{"a", {"plain", "a,b", "say \"x\"", "two\nlines", "", nullptr}},
                      {"n", {1, 2, 3, 4, nullptr, 6}}};
  EXPECT_EQ(encode(rows).text,
            "plain,1\n\"a,b\",2\n\"say \"\"x\"\"\",3\n\"two\nlines\",4\n\"\",\n,6\n");
}

// The prologue that goes with each batch.
std::vector<std::string> prologues(const Table& rows, const Csv::Options& options = {},
                                   flow_role role = FLOW_ROLE_ENCODE) {
  TestHost host;
  Csv::Shared shared(options, host.host());
  Csv codec(options, shared);
  std::vector<std::string> found;
  for (const Batch& batch : encoded_batches(host, codec, rows, role)) {
    if (batch.column_count() == 1) continue;
    EXPECT_STREQ(batch.schema().fields[1]->name, FLOW_PROLOGUE_FIELD);
    const TextView texts(batch.column(1));
    for (int64_t row = 1; row < texts.size(); ++row) EXPECT_EQ(texts[row], texts[0]);
    found.emplace_back(texts[0]);
  }
  return found;
}

TEST(CsvEncode, HeaderGoesBesideTheRows) {
  const Table rows = {{"a", {"x", "y"}},
                      {"p", {Cell::structure({{"lat", 1.5}}), Cell::structure({{"lat", 2.5}})}},
                      {"say \"b\", c", {1, 2}}};
  EXPECT_EQ(prologues(rows), std::vector<std::string>{"a,p.lat,\"say \"\"b\"\", c\"\n"});
  EXPECT_TRUE(prologues(rows, {}, FLOW_ROLE_ENCODE_MESSAGE).empty());
  Csv::Options options;
  options.header = false;
  EXPECT_TRUE(prologues(rows, options).empty());
}

TEST(CsvEncode, HeaderHasTheNamesUnderFields) {
  Csv::Options options;
  options.fields = {{"p.lat"}, {"none"}};
  options.delimiter = ";";
  options.quoting = Csv::Quoting::kAll;
  const Table rows = {{"p", {Cell::structure({{"lat", 1.5}})}}};
  EXPECT_EQ(prologues(rows, options), std::vector<std::string>{"\"p.lat\";\"none\"\n"});
}

TEST(CsvEncode, NamesThatNeedQuotesFailWithoutThem) {
  Csv::Options options;
  options.quote = "";
  EXPECT_EQ(encode({{"a,b", {"x", "y"}}}, options).failed,
            (std::vector<std::string>{"not_representable", "not_representable"}));
  options.header = false;
  EXPECT_EQ(encode({{"a,b", {"x", "y"}}}, options).text, "x\ny\n");
}

TEST(CsvEncode, MessagesHaveNoLineEnd) {
  EXPECT_EQ(encode({{"a", {"x"}}}, {}, FLOW_ROLE_ENCODE_MESSAGE).text, "x");
}

TEST(CsvEncode, FieldsChooseAndOrderTheColumns) {
  Csv::Options options;
  options.fields = {{"b"}, {"none"}, {"a"}};
  EXPECT_EQ(encode({{"a", {"x"}}, {"b", {true}}}, options).text, "true,,x\n");
}

TEST(CsvEncode, DialectIsThatOfDecoding) {
  Csv::Options options;
  options.delimiter = ";";
  options.quote = "'";
  options.null_text = "NULL";
  options.quoting = Csv::Quoting::kAll;
  EXPECT_EQ(encode({{"a", {"it's", "x;y"}}, {"b", {nullptr, 1.5}}}, options).text,
            "'it''s';NULL\n'x;y';'1.5'\n");
}

TEST(CsvEncode, LoneNullIsNoEmptyLine) {
  EXPECT_EQ(encode({{"a", Type::text(), {nullptr, "x"}}}).text, "\"\"\nx\n");
}

TEST(CsvEncode, WithoutQuotesSomeValuesFail) {
  Csv::Options options;
  options.quote = "";
  const Encoded result = encode({{"a", {"x", "a,b", "y"}}}, options);
  EXPECT_EQ(result.text, "x\ny\n");
  EXPECT_EQ(result.failed, std::vector<std::string>{"not_representable"});
}

TEST(CsvEncode, StructsAreWrittenFieldByField) {
  const Table rows = {{"p", {Cell::structure({{"lat", 1.5}, {"lon", 2.0}})}}, {"x", {1}}};
  EXPECT_EQ(encode(rows).text, "1.5,2,1\n");
}

TEST(CsvEncode, ListsAreRefused) { EXPECT_THROW(encode({{"a", {Cell::list({1, 2})}}}), Failure); }

}  // namespace
}  // namespace flow::operators::csv_encode_test
