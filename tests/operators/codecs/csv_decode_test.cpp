#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "operators/codecs/csv.hpp"
#include "tests/operators/codecs/codec_stream.hpp"

namespace flow::operators::csv_decode_test {
namespace {

using flow::testing::Cell;
using flow::testing::CodecStream;
using flow::testing::Table;
using Cells = std::vector<Cell>;
using namespace std::string_literals;

Value type(const std::string& name) {
  Value value;
  value.type = FLOW_OPTION_TEXT;
  value.text = name;
  return value;
}

Csv::Options with_fields(const std::vector<std::string>& names) {
  Csv::Options options;
  options.header = false;
  for (const std::string& name : names) options.fields.push_back({name});
  return options;
}

std::vector<std::string> reasons(const CodecStream<Csv>& stream) {
  std::vector<std::string> words;
  for (const auto& failure : stream.host.failed) words.push_back(failure.reason);
  return words;
}

TEST(CsvDecode, HeaderNamesTheColumns) {
  CodecStream<Csv> stream;
  stream.read("host,status\nalpha,200\r\nbeta,404\n");
  const Table table = stream.pull();
  EXPECT_EQ(table["host"], (Cells{"alpha", "beta"}));
  EXPECT_EQ(table["status"], (Cells{"200", "404"}));
  EXPECT_TRUE(stream.balanced());
}

TEST(CsvDecode, LaterPiecesKnowTheHeader) {
  CodecStream<Csv> stream;
  stream.read("host,status\n");
  stream.read("alpha,200\nbe");
  stream.read("ta,404\n");
  stream.finish();
  EXPECT_EQ(stream.pull()["host"], (Cells{"alpha", "beta"}));
}

TEST(CsvDecode, StreamThatGoesOnElsewhereKnowsItToo) {
  CodecStream<Csv> stream;
  stream.read("\xEF\xBB\xBFhost,status\nalpha,200\n");
  stream.restart();
  stream.read("beta,404\n");
  EXPECT_EQ(stream.pull()["host"], (Cells{"alpha", "beta"}));
}

TEST(CsvDecode, FieldsNameTheColumnsAndReplaceAHeader) {
  CodecStream<Csv> without(with_fields({"a", "b"}));
  without.read("1,2\n3,4\n");
  EXPECT_EQ(without.pull()["b"], (Cells{"2", "4"}));

  Csv::Options options = with_fields({"a", "b"});
  options.header = true;
  CodecStream<Csv> with(options);
  with.read("x,y\n1,2\n");
  EXPECT_EQ(with.pull()["b"], Cells{"2"});
}

TEST(CsvDecode, QuotesHoldDelimitersLineEndsAndQuotes) {
  CodecStream<Csv> stream(with_fields({"a", "b"}));
  stream.read("\"x,y\",\"one\r\ntwo\"\n\"say \"\"hello\"\" to them all\",5\" pipe\n");
  const Table table = stream.pull();
  EXPECT_EQ(table["a"], (Cells{"x,y", "say \"hello\" to them all"}));
  EXPECT_EQ(table["b"], (Cells{"one\r\ntwo", "5\" pipe"}));
}

TEST(CsvDecode, EmptyIsNullAndQuotedEmptyIsText) {
  CodecStream<Csv> stream(with_fields({"a", "b", "c"}));
  stream.read(",\"\",x\n");
  const Table table = stream.pull();
  EXPECT_EQ(table["a"], Cells{nullptr});
  EXPECT_EQ(table["b"], Cells{""});
}

TEST(CsvDecode, NullTextIsNull) {
  Csv::Options options = with_fields({"a", "b"});
  options.null_text = "NA";
  CodecStream<Csv> stream(options);
  stream.read("NA,\n");
  const Table table = stream.pull();
  EXPECT_EQ(table["a"], Cells{nullptr});
  EXPECT_EQ(table["b"], Cells{""});
}

TEST(CsvDecode, DeclaredColumnsHaveTheirType) {
  Csv::Options options;
  options.schema.items = {{"n", type("int")},
                          {"x", type("float")},
                          {"ok", type("bool")},
                          {"at", type("timestamp")},
                          {"kind", type("category")}};
  CodecStream<Csv> stream(options);
  stream.read(
      "kind,n,x,ok,at,rest\n"
      "a,12,0.5,true,1970-01-01T00:00:01Z,text\n"
      "a,,,,,\n"
      "b,zwei,1,false,,\n"
      "b,\"7\",1e3,false,,\"\"\n");
  const Table table = stream.pull();
  EXPECT_EQ(table["n"], (Cells{12, nullptr, 7}));
  EXPECT_EQ(table["x"], (Cells{0.5, nullptr, 1000.0}));
  EXPECT_EQ(table["ok"], (Cells{true, nullptr, false}));
  EXPECT_EQ(table["kind"], (Cells{"a", "a", "b"}));
  EXPECT_EQ(table["at"], (Cells{int64_t{1'000'000'000}, nullptr, nullptr}));
  ASSERT_EQ(reasons(stream), std::vector<std::string>{"bad_type"});
  EXPECT_EQ(stream.host.failed[0].record, "b,zwei,1,false,,");
  EXPECT_EQ(stream.host.failed[0].message, "field 'n': zwei is no int64");
}

TEST(CsvDecode, DeclaredColumnThatTheHeaderLacksIsNullAndSaid) {
  Csv::Options options;
  options.schema.items = {{"statsu", type("int")}};
  CodecStream<Csv> stream(options);
  stream.read("status\n200\n");
  EXPECT_EQ(stream.pull()["statsu"], Cells{nullptr});
  ASSERT_EQ(stream.host.logs.size(), 1U);
  EXPECT_NE(stream.host.logs[0].second.find("statsu"), std::string::npos);
}

TEST(CsvDecode, RaggedRecordsFail) {
  CodecStream<Csv> stream(with_fields({"a", "b"}));
  stream.read("1\n1,2\n1,2,3\n3,4\n");
  EXPECT_EQ(stream.pull()["a"], (Cells{"1", "3"}));
  EXPECT_EQ(reasons(stream), (std::vector<std::string>{"too_few_fields", "too_many_fields"}));
  EXPECT_EQ(stream.host.failed[1].record, "1,2,3");
}

TEST(CsvDecode, TextBehindAQuoteFails) {
  CodecStream<Csv> stream(with_fields({"a", "b"}));
  stream.read("\"a\"b,1\nx,2\n\"a\" ,3\n");
  EXPECT_EQ(stream.pull()["b"], Cells{"2"});
  EXPECT_EQ(reasons(stream), (std::vector<std::string>{"text_after_quote", "text_after_quote"}));
}

TEST(CsvDecode, UnclosedQuoteCostsOneRecord) {
  Csv::Options options = with_fields({"a", "b"});
  options.max_record = {20};
  CodecStream<Csv> stream(options);
  stream.read("1,2\n\"open,1\nx,1\ny,1\nz,1\nlong,1\nafter,3\n");
  stream.read("\"last,1\n");
  stream.finish();
  EXPECT_EQ(stream.pull()["a"], (Cells{"1", "after"}));
  EXPECT_EQ(reasons(stream), (std::vector<std::string>{"record_too_long", "unclosed_quote"}));
}

TEST(CsvDecode, WithoutMultilineItCostsOneLine) {
  Csv::Options options = with_fields({"a", "b"});
  options.multiline = false;
  CodecStream<Csv> stream(options);
  stream.read("\"open,1\nx,2\n");
  EXPECT_EQ(stream.pull()["b"], Cells{"2"});
  EXPECT_EQ(reasons(stream), std::vector<std::string>{"unclosed_quote"});
}

TEST(CsvDecode, RecordThatIsTooLongIsReportedOnceWithItsStart) {
  Csv::Options options = with_fields({"a", "b"});
  options.max_record = {10};
  for (const size_t piece : {1, 7, 1000}) {
    CodecStream<Csv> stream(options);
    stream.read_in_pieces("a,1\n" + std::string(100, 'x') + ",2\nb,2\n", piece);
    EXPECT_EQ(stream.pull()["a"], (Cells{"a", "b"}));
    ASSERT_EQ(reasons(stream), std::vector<std::string>{"record_too_long"}) << piece;
    EXPECT_EQ(stream.host.failed[0].record, "xxxxxxxxxx");
    EXPECT_LE(stream.largest_carry, 13 + piece);
  }
}

TEST(CsvDecode, DialectsOfTheWorld) {
  Csv::Options options = with_fields({"a", "b"});
  options.delimiter = ";";
  options.quote = "'";
  options.comment = "#";
  options.trim = true;
  CodecStream<Csv> stream(options);
  stream.read("# a 'comment\n a ; 'x;y' \r\n\n\tb\t;c d\n#last");
  stream.finish();
  const Table table = stream.pull();
  EXPECT_EQ(table["a"], (Cells{"a", "b"}));
  EXPECT_EQ(table["b"], (Cells{"x;y", "c d"}));
  EXPECT_EQ(stream.host.dropped["comment"], 2);
  EXPECT_EQ(stream.host.dropped["empty line"], 1);
  EXPECT_TRUE(stream.host.failed.empty());
}

TEST(CsvDecode, WithoutQuotesTheyAreText) {
  Csv::Options options = with_fields({"a", "b"});
  options.quote = "";
  options.delimiter = "\t";
  CodecStream<Csv> stream(options);
  stream.read("\"a\t\"b\"\n");
  EXPECT_EQ(stream.pull()["b"], Cells{"\"b\""});
}

TEST(CsvDecode, HeaderNamesAreMadeUsable) {
  CodecStream<Csv> stream;
  stream.read("a,,a,b\xFF\n1,2,3,4\n");
  const Table table = stream.pull();
  EXPECT_EQ(table["a"], Cells{"1"});
  EXPECT_EQ(table["column_2"], Cells{"2"});
  EXPECT_EQ(table["a_2"], Cells{"3"});
  EXPECT_EQ(table["b\xEF\xBF\xBD"], Cells{"4"});
}

TEST(CsvDecode, BadHeaderMakesEveryRowFail) {
  CodecStream<Csv> stream;
  stream.read("\"a\"x,b\n1,2\n");
  stream.read("3,4\n");
  EXPECT_TRUE(stream.pull().columns.empty());
  EXPECT_EQ(reasons(stream), (std::vector<std::string>{"bad_header", "bad_header"}));
  EXPECT_TRUE(stream.balanced());
}

TEST(CsvDecode, HeaderThatIsTooLongMakesEveryRowFail) {
  Csv::Options options;
  options.max_record = {5};
  CodecStream<Csv> stream(options);
  stream.read_in_pieces("abcdefghijklmn,b\n1,2\n3,4\n", 3);
  EXPECT_EQ(reasons(stream),
            (std::vector<std::string>{"record_too_long", "bad_header", "bad_header"}));
}

TEST(CsvDecode, InvalidUtf8IsRepairedInItsRecordAndCounted) {
  CodecStream<Csv> stream(with_fields({"a", "b"}));
  stream.read("good and long enough,1\n\"bad \xFF \"\"text\"\" of some length\",\n");
  const Table table = stream.pull();
  EXPECT_EQ(table["a"],
            (Cells{"good and long enough", "bad \xEF\xBF\xBD \"text\" of some length"}));
  EXPECT_EQ(table["b"], (Cells{"1", nullptr}));
  EXPECT_EQ(stream.host.metrics["invalid_utf8_rows"], 1);
}

TEST(CsvDecode, TextIsNotCopied) {
  CodecStream<Csv> stream(with_fields({"a"}));
  stream.read("a text that is longer than a view\n");
  const Batch batch = stream.host.emitted[0].at(0);
  EXPECT_EQ(batch.column(0).data[0], batch.origin().record->data[0]);
  EXPECT_STREQ(batch.origin().partition, "a.log");
}

TEST(CsvDecode, MessagesHaveAHeaderEach) {
  flow::testing::TestHost host;
  Csv::Options options;
  Csv::Shared shared(options, host.host());
  Csv decoder(options, shared);
  Output out(host.abi());
  decoder.set_role(FLOW_ROLE_DECODE);
  decoder.open(out);
  TextBuilder bytes(host.host(), 3, FLOW_BINARY);
  bytes.append("a,b\n1,2\n");
  bytes.append("a,b\n3,4");
  bytes.append("b,c\n5,6");
  const Batch in = out.make(3, {{"bytes", {bytes.finish(), Type::binary()}}}, nullptr);
  host.limit_room(1);
  host.start_call();
  EXPECT_EQ(decoder.consume(0, in, out), Status::kMore);
  host.start_call();
  EXPECT_EQ(decoder.consume(0, in, out), Status::kDone);
  ASSERT_EQ(host.emitted[0].size(), 2U);
  EXPECT_EQ(host.emitted[0][0].rows(), 2);
  EXPECT_EQ(flow::testing::read_table(host.emitted[0][1])["c"], Cells{"6"});
  EXPECT_EQ(host.absorbed, 3);
  EXPECT_EQ(host.room_violations, 0);
}

TEST(CsvDecode, DialectThatIsNoneIsRefused) {
  flow::testing::TestHost host;
  const auto refused = [&](auto change) {
    Csv::Options options;
    change(options);
    EXPECT_THROW(Csv::Shared(options, host.host()), OptionFailure);
  };
  refused([](Csv::Options& options) { options.delimiter = ""; });
  refused([](Csv::Options& options) { options.delimiter = "ab"; });
  refused([](Csv::Options& options) { options.delimiter = "\n"; });
  refused([](Csv::Options& options) { options.quote = ","; });
  refused([](Csv::Options& options) { options.comment = "\""; });
  refused([](Csv::Options& options) { options.fields = {{"a"}, {"a"}}; });
  Csv::Options options;
  options.header = false;
  Csv::Shared shared(options, host.host());
  Csv decoder(options, shared);
  decoder.set_role(FLOW_ROLE_DECODE);
  Output out(host.abi());
  EXPECT_THROW(decoder.open(out), OptionFailure);
}

// ---- the same rows wherever the bytes are cut ----

struct Result {
  std::vector<std::string> rows;
  std::vector<std::string> failed;
  std::map<std::string, int64_t> dropped;
  bool operator==(const Result&) const = default;
};

Result result_of(CodecStream<Csv>& stream) {
  Result result;
  for (const Batch& batch : std::exchange(stream.host.emitted[0], {})) {
    const Table table = flow::testing::read_table(batch);
    for (int64_t row = 0; row < batch.rows(); ++row) {
      std::string text;
      for (const auto& column : table.columns) {
        std::ostringstream cell;
        cell << column.name << '=' << column.cells[static_cast<size_t>(row)] << ';';
        text += cell.str();
      }
      result.rows.push_back(text);
    }
  }
  for (const auto& failure : stream.host.failed) {
    result.failed.push_back(failure.reason + ' ' + failure.record);
  }
  result.dropped = stream.host.dropped;
  return result;
}

TEST(CsvDecode, CutsDoNotMatter) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr std::string_view kAlphabet = "ab\"\",,;\n\n\r# \xC3\xFF";
  for (int round = 0; round < 2000; ++round) {
    Csv::Options options;
    if (random() % 2 == 0) options = with_fields({"a", "b"});
    options.max_record = {random() % 3 == 0 ? 6 : 1000};
    options.trim = random() % 2 == 0;
    options.multiline = random() % 3 != 0;
    if (random() % 3 == 0) options.comment = "#";
    if (random() % 5 == 0) options.quote = "";
    std::string text;
    if (random() % 8 == 0) text = "\xEF\xBB\xBF";
    for (uint64_t n = random() % 120; n > 0; --n) text += kAlphabet[random() % kAlphabet.size()];

    CodecStream<Csv> whole(options);
    whole.read(text, true);
    CodecStream<Csv> cut(options);
    std::string_view rest = text;
    while (!rest.empty()) {
      const size_t size = std::min<size_t>(1 + random() % 12, rest.size());
      cut.read(rest.substr(0, size));
      rest.remove_prefix(size);
      if (random() % 2 == 0) cut.restart();
    }
    cut.finish();
    ASSERT_EQ(result_of(cut), result_of(whole)) << text;
    ASSERT_TRUE(cut.balanced());
  }
}

}  // namespace
}  // namespace flow::operators::csv_decode_test
