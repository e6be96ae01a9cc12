#include "operators/transforms/parse_access_log.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "flow/testing/harness.hpp"

namespace flow::operators::parse_access_log_test {
namespace {

using testing::Cell;
using testing::Harness;
using testing::Settings;
using testing::Table;

constexpr const char* kCombined =
    "203.0.113.42 - - [28/Oct/2025:10:15:30 +0000] \"GET /product.php HTTP/1.1\" 200 1234 "
    "\"http://example.com/search.php\" \"Mozilla/5.0 (X11; Linux x86_64)\"";
constexpr const char* kCommon =
    "198.51.100.7 - - [28/Oct/2025:10:15:30 +0000] \"GET / HTTP/1.0\" 304 -";

Table lines(std::vector<Cell> cells) { return {{"message", Type::text(), std::move(cells)}}; }

// What becomes of one line, which must be a good one.
Table parse(const std::string& line, const Settings& settings = {}) {
  auto harness = Harness::of<ParseAccessLog>(settings);
  harness.push(lines({line}));
  for (const auto& failure : harness.failed()) ADD_FAILURE() << failure.message;
  return harness.pull();
}

// Why a line is none.
std::string reason(const std::string& line, const Settings& settings = {}) {
  auto harness = Harness::of<ParseAccessLog>(settings);
  harness.push(lines({line}));
  EXPECT_EQ(harness.pull().rows(), harness.failed().empty() ? 1 : 0);
  return harness.failed().empty() ? "" : harness.failed().front().reason;
}

std::string with_time(const std::string& time) {
  return "203.0.113.42 - - [" + time + "] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"";
}
std::string with_host(const std::string& host) {
  return host + " - - [28/Oct/2025:10:15:30 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"";
}
std::string with_request(const std::string& request) {
  return "203.0.113.42 - - [28/Oct/2025:10:15:30 +0000] \"" + request + "\" 200 1 \"-\" \"-\"";
}
std::string with_end(const std::string& end) {
  return "203.0.113.42 - - [28/Oct/2025:10:15:30 +0000] \"GET / HTTP/1.1\"" + end;
}

TEST(ParseAccessLog, TakesACombinedLineApartInTheOrderOfTheDocument) {
  EXPECT_EQ(parse(kCombined), (Table{{"host", {"203.0.113.42"}},
                                     {"datetime", {"28/Oct/2025:10:15:30 +0000"}},
                                     {"request", {"GET /product.php HTTP/1.1"}},
                                     {"response", {"200"}},
                                     {"bytes", {"1234"}},
                                     {"referer", {"http://example.com/search.php"}},
                                     {"agent", {"Mozilla/5.0 (X11; Linux x86_64)"}}}));
}

TEST(ParseAccessLog, CommonLinesHaveNoRefererAndAgent) {
  const Table table = parse(kCommon);
  EXPECT_EQ(table["request"], std::vector<Cell>{"GET / HTTP/1.0"});
  EXPECT_EQ(table["bytes"], std::vector<Cell>{nullptr});
  EXPECT_EQ(table["referer"], std::vector<Cell>{nullptr});
  EXPECT_EQ(table["agent"], std::vector<Cell>{nullptr});
}

TEST(ParseAccessLog, DashIsNullAndEmptyIsEmpty) {
  const Table table = parse(with_end(" - - \"\" \"-\""));
  EXPECT_EQ(table["response"], std::vector<Cell>{nullptr});
  EXPECT_EQ(table["bytes"], std::vector<Cell>{nullptr});
  EXPECT_EQ(table["referer"], std::vector<Cell>{""});
  EXPECT_EQ(table["agent"], std::vector<Cell>{nullptr});
}

TEST(ParseAccessLog, EscapedQuotesBelongToTheFieldAndStayAsWritten) {
  const Table table = parse(with_end(R"( 200 1 "http://a/\"b\"" "say \"hi\" \\")"));
  EXPECT_EQ(table["referer"], std::vector<Cell>{R"(http://a/\"b\")"});
  EXPECT_EQ(table["agent"], std::vector<Cell>{R"(say \"hi\" \\)"});
}

TEST(ParseAccessLog, AcceptsAddressesOfBothKindsAndNames) {
  for (const std::string host :
       {"2001:db8::1", "::1", "::ffff:192.0.2.1", "[2001:db8::1]", "fe80::1%eth0", "localhost",
        "crawl-66-249.example.com", "0.0.0.0", "255.255.255.255", "1.example", "-"}) {
    EXPECT_EQ(reason(with_host(host)), "") << host;
  }
}

TEST(ParseAccessLog, RefusesImpossibleHosts) {
  for (const std::string host : {"999.1.1.1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1234",
                                 "2001:db8::g", "12:34", ":::", "[::1", "1.2.3.4:80"}) {
    EXPECT_EQ(reason(with_host(host)), "bad_address") << host;
  }
  EXPECT_EQ(reason(with_host("a\tb")), "bad_host");
  EXPECT_EQ(reason(with_host(std::string("a\0b", 3))), "bad_host");
}

TEST(ParseAccessLog, RefusesTimesThatDoNotExist) {
  EXPECT_EQ(reason(with_time("29/Feb/2024:00:00:00 +0000")), "");
  EXPECT_EQ(reason(with_time("31/Dec/2016:23:59:60 -1100")), "");
  for (const std::string time :
       {"31/Feb/2025:10:15:30 +0000", "29/Feb/2025:10:15:30 +0000", "29/Feb/2100:10:15:30 +0000",
        "31/Apr/2025:10:15:30 +0000", "00/Oct/2025:10:15:30 +0000", "28/Okt/2025:10:15:30 +0000",
        "28/oct/2025:10:15:30 +0000", "28/Oct/2025:24:15:30 +0000", "28/Oct/2025:10:60:30 +0000",
        "28/Oct/2025:10:15:61 +0000", "28/Oct/2025:10:15:30 +2460", "28/Oct/2025:10:15:30 00000",
        "28/Oct/2025 10:15:30 +0000", "28/Oct/2025:10:15:30", "1/Oct/2025:10:15:30 +0000", "", "-",
        "28/Oct/0001:10:15:30 +0000", "28/Oct/2025:10:15:30 +0000 "}) {
    EXPECT_EQ(reason(with_time(time)), "bad_datetime") << time;
  }
}

TEST(ParseAccessLog, SaysWhyALineIsNone) {
  EXPECT_EQ(reason(""), "too_few_fields");
  EXPECT_EQ(reason("203.0.113.42"), "too_few_fields");
  EXPECT_EQ(reason("203.0.113.42 - ["), "too_few_fields");
  EXPECT_EQ(reason("203.0.113.42 - [28/Oct/2025:10:15:30 +0000] \"GET / HTTP/1.1\" 200 1"),
            "too_few_fields");
  EXPECT_EQ(reason(with_end("")), "too_few_fields");
  EXPECT_EQ(reason(with_end(" ")), "too_few_fields");
  EXPECT_EQ(reason(with_end(" -")), "too_few_fields");
  EXPECT_EQ(reason(with_end(" 200 1 \"-\"")), "too_few_fields");
  EXPECT_EQ(reason(with_end(" 200")), "bad_response");
  EXPECT_EQ(reason(with_end(" 20 1")), "bad_response");
  EXPECT_EQ(reason(with_end(" 2000 1")), "bad_response");
  EXPECT_EQ(reason(with_end(" 200 1x")), "bad_bytes");
  EXPECT_EQ(reason(with_end(" 200 -1")), "bad_bytes");
  EXPECT_EQ(reason(with_end(" 200 1234567890123456789")), "bad_bytes");
  EXPECT_EQ(reason(with_end(" 200 1 \"-\" \"-")), "unbalanced_quotes");
  EXPECT_EQ(reason(with_end(" 200 1 \"-\" \"a\"b\"")), "unbalanced_quotes");
  EXPECT_EQ(reason(with_end(" 200 1 \"-\" \"-\\\"")), "unbalanced_quotes");
  EXPECT_EQ(reason(with_end(" 200 1 \"-\" \"-\" \"-\"")), "unbalanced_quotes");
  EXPECT_EQ(reason(with_end(" 200 1 \"-\" \"-\" 7")), "trailing_text");
  EXPECT_EQ(reason(with_end(" 200 1 7")), "trailing_text");
  EXPECT_EQ(reason(with_end(" 200 1  \"-\" \"-\"")), "bad_separator");
  EXPECT_EQ(reason(with_end(" 200 1 \"-\"  \"-\"")), "bad_separator");
  EXPECT_EQ(reason(with_end("200 1")), "bad_separator");
}

TEST(ParseAccessLog, MessagesNameThePlaceInTheLine) {
  auto harness = Harness::of<ParseAccessLog>();
  harness.push(lines({with_time("31/Feb/2025:10:15:30 +0000")}));
  ASSERT_EQ(harness.failed().size(), 1U);
  EXPECT_EQ(harness.failed()[0].message,
            "column 18: there is no such time; the form is [28/Oct/2025:10:15:30 +0000]: "
            "'[31/Feb/2025:10:15:30 +0000] \"GE'");
}

TEST(ParseAccessLog, RecognisesVirtualHostsWhereTheyAre) {
  const std::string vhost = std::string("www.example.com:443 ") + kCombined;
  EXPECT_FALSE(parse(vhost).has("vhost"));
  EXPECT_EQ(parse(vhost)["host"], std::vector<Cell>{"203.0.113.42"});
  const Settings with_vhost = {{"vhost", true}};
  const Table table = parse(vhost, with_vhost);
  EXPECT_EQ(table.columns.front().name, "vhost");
  EXPECT_EQ(table["vhost"], std::vector<Cell>{"www.example.com:443"});
  EXPECT_EQ(parse(kCombined, with_vhost)["vhost"], std::vector<Cell>{nullptr});
  EXPECT_EQ(parse("[2001:db8::1]:80 " + std::string(kCommon), with_vhost)["vhost"],
            std::vector<Cell>{"[2001:db8::1]:80"});
}

TEST(ParseAccessLog, AFormatOfItsOwnNameTakesNoOther) {
  const std::string vhost = "www.example.com ";
  EXPECT_EQ(reason(kCommon, {{"format", "common"}}), "");
  EXPECT_EQ(reason(kCombined, {{"format", "common"}}), "trailing_text");
  EXPECT_EQ(reason(kCombined, {{"format", "combined"}}), "");
  EXPECT_EQ(reason(kCommon, {{"format", "combined"}}), "too_few_fields");
  EXPECT_EQ(reason(vhost + kCommon, {{"format", "vhost_common"}}), "");
  EXPECT_EQ(reason(kCommon, {{"format", "vhost_common"}}), "too_few_fields");
  EXPECT_EQ(parse(vhost + kCombined, {{"format", "vhost_combined"}})["vhost"],
            std::vector<Cell>{"www.example.com"});
}

TEST(ParseAccessLog, UsersMayHoldSpacesAndBrackets) {
  const std::string line =
      "192.0.2.1 id jane q. doe [28/Oct/2025:10:15:30 +0000] \"GET /a [1] HTTP/1.1\" 200 1";
  const Table table = parse(line, {{"identity", true}});
  EXPECT_EQ(table["host"], std::vector<Cell>{"192.0.2.1"});
  EXPECT_EQ(table["ident"], std::vector<Cell>{"id"});
  EXPECT_EQ(table["user"], std::vector<Cell>{"jane q. doe"});
  EXPECT_EQ(table["request"], std::vector<Cell>{"GET /a [1] HTTP/1.1"});
  EXPECT_EQ(parse(kCombined, {{"identity", true}})["user"], std::vector<Cell>{nullptr});
}

TEST(ParseAccessLog, TypedColumnsAreNumbersAndATimestamp) {
  auto harness = Harness::of<ParseAccessLog>({{"typed", true}});
  harness.push(
      lines({kCombined, kCommon, with_time("28/Oct/2025:10:15:30 +0130"),
             with_time("01/Jan/1970:00:00:00 +0000"), with_time("28/Feb/1969:23:59:59 +0000")}));
  const Table table = harness.pull();
  std::vector<std::string> names;
  for (const auto& column : table.columns) names.push_back(column.name);
  EXPECT_EQ(names, (std::vector<std::string>{"host", "timestamp", "request", "method", "path",
                                             "protocol", "response", "bytes", "referer", "agent"}));
  EXPECT_EQ(table.columns[1].type.id(), FLOW_TIMESTAMP);
  const int64_t time = 1'761'646'530'000'000'000;
  const int64_t zone = 5400 * int64_t{1'000'000'000};
  const int64_t before = -(306 * 86400 + 1) * int64_t{1'000'000'000};
  EXPECT_EQ(table["timestamp"], (std::vector<Cell>{time, time, time - zone, int64_t{0}, before}));
  EXPECT_EQ(table["response"][0], Cell(200));
  EXPECT_EQ(table["bytes"][0], Cell(1234));
  EXPECT_EQ(table["bytes"][1], Cell(nullptr));
  EXPECT_EQ(table["method"][0], Cell("GET"));
  EXPECT_EQ(table["path"][0], Cell("/product.php"));
  EXPECT_EQ(table["protocol"][0], Cell("HTTP/1.1"));
}

TEST(ParseAccessLog, TypedRequestsMayHaveAnyForm) {
  const auto parts = [](const std::string& request) {
    const Table table = parse(with_request(request), {{"typed", true}});
    EXPECT_EQ(table["request"], std::vector<Cell>{request == "-" ? Cell() : Cell(request)});
    return std::vector<Cell>{table["method"][0], table["path"][0], table["protocol"][0]};
  };
  EXPECT_EQ(parts("GET /a b HTTP/1.1"), (std::vector<Cell>{"GET", "/a b", "HTTP/1.1"}));
  EXPECT_EQ(parts("GET /"), (std::vector<Cell>{"GET", "/", nullptr}));
  EXPECT_EQ(parts("-"), (std::vector<Cell>{nullptr, nullptr, nullptr}));
  EXPECT_EQ(parts("\\x16\\x03\\x01 \\x00"), (std::vector<Cell>{nullptr, nullptr, nullptr}));
  EXPECT_EQ(parts(""), (std::vector<Cell>{nullptr, nullptr, nullptr}));
  EXPECT_EQ(parts("GET HTTP/1.1"), (std::vector<Cell>{"GET", "HTTP/1.1", nullptr}));
}

TEST(ParseAccessLog, GoodRowsGoOnWhenOthersFail) {
  for (const int bad_per_good : {1, 9}) {
    auto harness = Harness::of<ParseAccessLog>({{"typed", true}});
    std::vector<Cell> cells, other, hosts, numbers;
    for (int i = 0; i < 100; ++i) {
      const bool good = i % (bad_per_good + 1) == 0;
      cells.emplace_back(good ? Cell(with_host("192.0.2." + std::to_string(i))) : Cell("noise"));
      other.emplace_back(i);
      if (good) hosts.emplace_back("192.0.2." + std::to_string(i));
      if (good) numbers.emplace_back(i);
    }
    const auto good_rows = hosts.size();
    harness.push(harness.batch({{"message", cells}, {"number", other}}, cells));
    const Table table = harness.pull();
    EXPECT_EQ(table["host"], hosts);
    EXPECT_EQ(table["number"], numbers);
    EXPECT_EQ(harness.failed().size(), 100 - good_rows);
    EXPECT_EQ(harness.failed()[0].row, 1);
    EXPECT_EQ(harness.failed()[0].record, "noise");
  }
}

TEST(ParseAccessLog, NullLinesFail) {
  auto harness = Harness::of<ParseAccessLog>();
  harness.push(lines({nullptr, kCombined}));
  EXPECT_EQ(harness.failed()[0].reason, "null_line");
  EXPECT_EQ(harness.pull().rows(), 1);
}

TEST(ParseAccessLog, KeepsOtherColumnsAndTheLineIfAsked) {
  const Table in = {{"before", {1}}, {"message", {kCommon}}, {"behind", {2}}};
  auto harness = Harness::of<ParseAccessLog>();
  harness.push(in);
  Table out = harness.pull();
  EXPECT_EQ(out.columns[0].name, "before");
  EXPECT_EQ(out.columns[1].name, "behind");
  EXPECT_EQ(out.columns[2].name, "host");
  EXPECT_FALSE(out.has("message"));
  auto keeping = Harness::of<ParseAccessLog>({{"keep_source", true}});
  keeping.push(in);
  EXPECT_EQ(keeping.pull()["message"], std::vector<Cell>{kCommon});
}

TEST(ParseAccessLog, ReadsBytesAndCategoriesAndJson) {
  for (const Type& type : {Type::binary(), Type::category()}) {
    auto harness = Harness::of<ParseAccessLog>();
    harness.push({{"message", type, {kCombined, kCommon, kCombined}}});
    const Table table = harness.pull();
    EXPECT_EQ(table.rows(), 3);
    EXPECT_EQ(table["request"][2], Cell("GET /product.php HTTP/1.1"));
    EXPECT_EQ(table.columns[0].type.id(), FLOW_TEXT);
  }
  auto harness = Harness::of<ParseAccessLog>();
  std::string escaped = "\"" + with_request("GET /a HTTP/1.1") + "\"";
  for (size_t at = 1; (at = escaped.find('"', at)) < escaped.size() - 1; at += 2) {
    escaped.insert(at, "\\");
  }
  harness.push({{"message", Type::json(), {escaped, "17", "null"}}});
  EXPECT_EQ(harness.pull()["request"], std::vector<Cell>{"GET /a HTTP/1.1"});
  EXPECT_EQ(harness.failed().size(), 2U);
}

TEST(ParseAccessLog, BytesThatAreNoUtf8Fail) {
  auto harness = Harness::of<ParseAccessLog>();
  harness.push({{"message", Type::binary(), {with_request("GET /\xff HTTP/1.1"), kCombined}}});
  EXPECT_EQ(harness.failed()[0].reason, "invalid_utf8");
  EXPECT_EQ(harness.pull().rows(), 1);
  EXPECT_EQ(parse(with_request("GET /\xc3\xa9 HTTP/1.1"))["request"],
            std::vector<Cell>{"GET /\xc3\xa9 HTTP/1.1"});
}

TEST(ParseAccessLog, MissingAndWrongColumnsAreErrorsWithARemedy) {
  auto harness = Harness::of<ParseAccessLog>();
  try {
    harness.push({{"mesage", {kCombined}}});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(),
                 "field: column 'message' is not in the input: it has mesage (did you mean "
                 "'mesage'?)");
  }
  try {
    harness.push({{"message", {1}}});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "field: column 'message' is int64, but text is needed");
  }
}

TEST(ParseAccessLog, LongAndOddLinesAreSurvived) {
  const std::string path(100'000, 'a');
  EXPECT_EQ(parse(with_request("GET /" + path + " HTTP/1.1"))["request"],
            std::vector<Cell>{"GET /" + path + " HTTP/1.1"});
  EXPECT_EQ(reason(std::string(1'000'000, '"')), "too_few_fields");
  EXPECT_EQ(reason(std::string(1'000'000, ' ')), "too_few_fields");
  EXPECT_EQ(reason(with_request(std::string(1'000'000, '"'))), "unbalanced_quotes");
  EXPECT_EQ(reason(std::string(kCombined) + "\r"), "");
}

TEST(ParseAccessLog, RandomDamageNeverPassesForAnotherRow) {
  std::mt19937 random(7);
  auto harness = Harness::of<ParseAccessLog>({{"identity", true}, {"vhost", true}});
  size_t rows = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<Cell> cells;
    for (int i = 0; i < 20; ++i) {
      std::string line = kCombined;
      for (auto n = random() % 4; n > 0; --n) {
        static constexpr std::string_view kBytes = "\" []\\-:/09aZ\r\t\x01";
        line[random() % line.size()] = kBytes[random() % kBytes.size()];
      }
      if (random() % 4 == 0) line.resize(random() % line.size());
      cells.emplace_back(line);
    }
    harness.push(lines(cells));
    rows += cells.size();
  }
  EXPECT_EQ(static_cast<size_t>(harness.pull().rows()) + harness.failed().size(), rows);
}

}  // namespace
}  // namespace flow::operators::parse_access_log_test
