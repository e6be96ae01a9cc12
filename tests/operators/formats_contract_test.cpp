// Every operator of plugins/formats, as the library exports it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"

namespace flow::operators::formats_contract_test {
namespace {

using flow::testing::ContractSubject;
using flow::testing::Settings;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/formats.so";

ContractSubject texts(std::vector<flow::testing::Cell> cells) {
  ContractSubject subject;
  subject.inputs = {{{"message", std::move(cells)}}};
  return subject;
}

TEST(FormatsContract, CsvWithAHeader) {
  ContractSubject subject;
  subject.settings = {{"max_record", 40}, {"comment", "#"}};
  subject.bytes =
      "\xEF\xBB\xBF# amounts\nat,amount,country,note\n1970-01-01T00:00:01Z,1.5,FR,\"a, b\"\r\n\n"
      ",x,FR,\n,,,\"two\nlines \"\"quoted\"\"\"\n1,2\n,1,DE,long and \xFF bad\n"
      ",,,a record that is longer than all the others together\n,,,last";
  subject.inputs = {{{"a", {"x", "text, with a comma"}}, {"b", {1, nullptr}}}};
  subject.waived = {
      {"encode", "declared columns that the header does not name come back as nulls"}};
  EXPECT_CONTRACT(kLibrary, "csv", subject);
}

TEST(FormatsContract, CsvWithTheHeaderThatItWrites) {
  ContractSubject subject;
  subject.settings = {{"schema", flow::testing::Setting::table({})}, {"max_record", 40}};
  subject.inputs = {{{"a", {"x", "text; with one"}}, {"b \"c\"", {1, nullptr}}}};
  subject.bytes = "a;b\n1;2\n\"x;\ny\";\n3;4;5\nlast;6";
  EXPECT_CONTRACT(kLibrary, "csv", subject);
}

TEST(FormatsContract, CsvWithFields) {
  ContractSubject subject;
  subject.settings = {{"header", false},
                      {"fields", std::vector<std::string>{"a", "b"}},
                      {"delimiter", ","},
                      {"max_record", 40}};
  subject.inputs = {{{"a", {"x", "text, with a comma", ""}}, {"b", {"1", nullptr, "\"\n"}}}};
  subject.bytes = "x,1\n\"text, with\na comma\",\n\"open,1\nand,2\nmore,3\nof,4\nthem,5\nlast,6";
  EXPECT_CONTRACT(kLibrary, "csv", subject);
}

TEST(FormatsContract, Logfmt) {
  ContractSubject subject;
  subject.settings = {{"max_line", 64}};
  subject.inputs = {{{"ts", Type::timestamp(), {0, int64_t{1761646530500000000}}},
                     {"status", {200, 404}},
                     {"text", {"a \"b\" \xC3\xA9", "=\n"}}}};
  subject.bytes =
      "ts=2025-10-28T10:15:30Z status=200 msg=\"some \\\"text\\\" of length\" ok\r\n\n"
      "status=abc\n=x\n\"\nstatus=1 x=\xFF\nstatus=2 msg=a_line_that_is_longer_than_sixty_four_"
      "bytes_all_in_all_and_so\nlast=";
  subject.waived = {{"encode", "columns stand in the order in which a batch meets their names"}};
  EXPECT_CONTRACT(kLibrary, "logfmt", subject);
}

TEST(FormatsContract, Syslog) {
  ContractSubject subject;
  subject.settings = {{"year", 2025}, {"max_line", 100}};
  subject.bytes =
      "<34>Oct 11 22:14:15 mymachine su[12]: 'su root' failed\n"
      "<165>1 2003-10-11T22:14:15.003Z host app - ID47 [x@1 a=\"b\"] some text\r\n\n"
      "61 <13>1 2003-10-11T22:14:15Z host app 7 - - with its\nlength \xFF.."
      "<999>x\nnoise\n" +
      std::string(120, 'x') + "\nOct  1 00:00:00 h t: last";
  EXPECT_CONTRACT(kLibrary, "syslog", subject);
}

TEST(FormatsContract, Raw) {
  ContractSubject subject;
  subject.inputs = {{{"message", {"a", "some bytes\n and more of them", "\xC3\xA9"}}}};
  subject.bytes = "any bytes\n at all, \xFF\n\n";
  subject.waived = {{"encode", "what was encoded is one row when it is decoded"}};
  EXPECT_CONTRACT(kLibrary, "raw", subject);
  subject.settings = {{"max_size", 10}};
  subject.waived.emplace_back("decode", "the bytes are too large, and no row");
  EXPECT_CONTRACT(kLibrary, "raw", subject);
}

TEST(FormatsContract, Text) {
  ContractSubject subject;
  subject.settings = {{"template", "{host}: {n}"}};
  subject.inputs = {{{"host", {"a", nullptr, "a longer name of a host"}}, {"n", {1, 2, nullptr}}}};
  EXPECT_CONTRACT(kLibrary, "text", subject);
}

TEST(FormatsContract, ParseCsv) {
  ContractSubject subject = texts({"2025-10-28T10:15:30Z,FR,1.5", ",\"a \"\"text\"\" of length\",",
                                   "1,2", nullptr, ",,x", "", "a\nb", "\"open"});
  EXPECT_CONTRACT(kLibrary, "parse_csv", subject);
}

TEST(FormatsContract, ParseLogfmt) {
  ContractSubject subject = texts({"status=200 msg=\"some \\\"text\\\" of length\"", "status=x y=1",
                                   nullptr, "", "z=\"", "elapsed=1.5 a_text=which_is_not_short"});
  EXPECT_CONTRACT(kLibrary, "parse_logfmt", subject);
}

TEST(FormatsContract, ParseRegex) {
  ContractSubject subject =
      texts({"some.host.example.com GET 200", "no match", nullptr, "h PUT 404"});
  EXPECT_CONTRACT(kLibrary, "parse_regex", subject);
}

TEST(FormatsContract, ParseSyslog) {
  ContractSubject subject =
      texts({"<34>Oct 11 22:14:15 mymachine su: 'su root' failed on /dev/pts/8", nullptr, "noise",
             "<165>1 2003-10-11T22:14:15.003Z host app - ID47 [x@1 a=\"b\"] some text"});
  EXPECT_CONTRACT(kLibrary, "parse_syslog", subject);
}

}  // namespace
}  // namespace flow::operators::formats_contract_test
