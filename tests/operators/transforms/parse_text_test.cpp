// parse_csv, parse_logfmt, parse_regex and parse_syslog: what they share, and what is their own.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/transforms/parse_csv.hpp"
#include "operators/transforms/parse_logfmt.hpp"
#include "operators/transforms/parse_regex.hpp"
#include "operators/transforms/parse_syslog.hpp"

namespace flow::operators::parse_text_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Table;
using Cells = std::vector<Cell>;
using Names = std::vector<std::string>;

std::vector<std::string> reasons(Harness& harness) {
  std::vector<std::string> words;
  for (const auto& failure : harness.host().failed) words.push_back(failure.reason);
  return words;
}

TEST(ParseCsv, FieldsBecomeColumnsInPlaceOfTheText) {
  Harness harness = Harness::of<ParseCsv>({{"fields", Names{"a", "b"}}});
  harness.push(
      {{"id", {1, 2, 3, 4}}, {"message", {"x,\"a \"\"text\"\" of length\"", "1", nullptr, "y,"}}});
  const Table table = harness.pull();
  EXPECT_EQ(table["id"], (Cells{1, 4}));
  EXPECT_EQ(table["a"], (Cells{"x", "y"}));
  EXPECT_EQ(table["b"], (Cells{"a \"text\" of length", nullptr}));
  EXPECT_EQ(table.columns.size(), 3U);
  EXPECT_EQ(reasons(harness), (std::vector<std::string>{"too_few_fields", "null_text"}));
}

TEST(ParseCsv, ATextIsOneRecord) {
  Harness harness = Harness::of<ParseCsv>({{"fields", Names{"a"}}});
  harness.push({{"message", {"a\nb", "\"a\nb\"", "", "x\n"}}});
  EXPECT_EQ(harness.pull()["a"], (Cells{"a\nb", "x"}));
  EXPECT_EQ(reasons(harness), (std::vector<std::string>{"more_than_one_record", "too_few_fields"}));
}

TEST(ParseCsv, PrefixAndSourceAreKeptWhereAskedFor) {
  Harness harness =
      Harness::of<ParseCsv>({{"fields", Names{"a"}}, {"prefix", "csv_"}, {"keep_source", true}});
  harness.push({{"message", {"x"}}});
  const Table table = harness.pull();
  EXPECT_EQ(table["message"], Cells{"x"});
  EXPECT_EQ(table["csv_a"], Cells{"x"});
}

TEST(ParseRegex, NamedGroupsBecomeColumns) {
  Harness harness = Harness::of<ParseRegex>(
      {{"pattern", "^(?P<host>[^ ]+) (?:(?P<user>[a-z]+) )?(?P<status>[0-9]+)$"}});
  harness.push({{"message", {"a.host.of.some.length bob 200", "h 404", "none"}}});
  const Table table = harness.pull();
  EXPECT_EQ(table["host"], (Cells{"a.host.of.some.length", "h"}));
  EXPECT_EQ(table["user"], (Cells{"bob", nullptr}));
  EXPECT_EQ(table["status"], (Cells{"200", "404"}));
  EXPECT_EQ(reasons(harness), std::vector<std::string>{"no_match"});
}

TEST(ParseRegex, TextIsNotCopied) {
  Harness harness = Harness::of<ParseRegex>({{"pattern", "(?P<a>.*)"}});
  harness.push({{"message", {"a text that is longer than a view"}}});
  const Batch batch = harness.host().emitted[0].at(0);
  ASSERT_GE(batch.column(0).n_data, 1);
  EXPECT_EQ(TextView(batch.column(0)).views()[0].buffer, 0);
}

TEST(ParseRegex, BadPatternsAreRefused) {
  flow::testing::TestHost host;
  const auto refused = [&](const std::string& pattern) {
    ParseRegex::Options options;
    options.pattern = pattern;
    EXPECT_THROW(ParseRegex::Shared(options, host.host()), OptionFailure) << pattern;
  };
  refused("(?P<a>");
  refused("no group");
  refused("([a-z])");
}

TEST(ParseLogfmt, NamesBecomeColumns) {
  Harness harness = Harness::of<ParseLogfmt>({});
  harness.push({{"id", {1, 2}}, {"message", {"a=1 b=\"x y\"", "="}}});
  const Table table = harness.pull();
  EXPECT_EQ(table["id"], Cells{1});
  EXPECT_EQ(table["b"], Cells{"x y"});
  EXPECT_EQ(reasons(harness), std::vector<std::string>{"no_name"});
}

TEST(ParseLogfmt, UndeclaredNamesLeaveColumnsOfTheInputAlone) {
  const Table input = {{"id", {1, 2}}, {"message", {"id=7 a=1", "a=2"}}};
  Harness undeclared = Harness::of<ParseLogfmt>({});
  undeclared.push(input);
  EXPECT_EQ(undeclared.pull(), (Table{{"id", {1, 2}}, {"a", {"1", "2"}}}));
  EXPECT_EQ(undeclared.metric("hidden_values"), 1);
  Harness declared =
      Harness::of<ParseLogfmt>({{"schema", flow::testing::Setting::table({{"id", "int"}})}});
  declared.push(input);
  EXPECT_EQ(declared.pull()["id"], (Cells{7, nullptr}));
}

TEST(ParseSyslog, MessageTakesThePlaceOfTheText) {
  Harness harness = Harness::of<ParseSyslog>({{"year", 2025}});
  harness.push({{"message", {"<34>Oct 11 22:14:15 mymachine su: 'su root' failed", "noise"}}});
  const Table table = harness.pull();
  EXPECT_EQ(table["message"], Cells{"'su root' failed"});
  EXPECT_EQ(table["severity"], Cells{"crit"});
  EXPECT_EQ(reasons(harness), std::vector<std::string>{"bad_timestamp"});
}

TEST(ParseText, InvalidBytesAreRepairedAndCounted) {
  Harness harness = Harness::of<ParseLogfmt>({});
  harness.push({{"message", Type::binary(), {"a=\xFFx"}}});
  EXPECT_EQ(harness.pull()["a"], Cells{"\xEF\xBF\xBDx"});
  EXPECT_EQ(harness.host().metrics["invalid_utf8_rows"], 1);
}

}  // namespace
}  // namespace flow::operators::parse_text_test
