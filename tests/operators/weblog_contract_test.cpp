// Every operator of plugins/weblog, as the library exports it.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"

namespace flow::operators::weblog_contract_test {
namespace {

using flow::testing::Cell;
using flow::testing::ContractSubject;
using flow::testing::Table;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/weblog.so";
constexpr const char* kRegexes = "/usr/share/uap-core/regexes.yaml";

// Good ones of each format, and one for each way in which a line can be bad.
const std::vector<Cell> kLines = {
    Cell("203.0.113.42 - - [28/Oct/2025:10:15:30 +0000] \"GET /product.php HTTP/1.1\" 200 1234 "
         "\"http://example.com/search.php\" \"Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0\""),
    "2001:db8::1 id jane [29/Feb/2024:23:59:60 -0130] \"\\\"\\\\\" - - \"-\" \"\"",
    "192.0.2.1 - - [01/Jan/1970:00:00:00 +0000] \"-\" 304 -",
    Cell("www.example.com:443 198.51.100.7 - - [28/Oct/2025:10:15:31 +0000] \"POST / HTTP/2.0\" "
         "500 0 "
         "\"-\" \"\xC3\xA9\""),
    "host.example - - [28/Oct/2025:10:15:32 +0000] \"GET /\xC3\xA9 HTTP/1.1\" 404 7 \"-\" \"a b\"",
    nullptr,
    "",
    "no access line at all",
    "203.0.113.50 - - [31/Feb/2025:10:15:30 +0000] \"GET / HTTP/1.1\" 200 1234 \"-\" \"a\"",
    "203.0.113.50 - - [28/Oct/2025:10:25:30 +0000] \"GET / HTTP/1.1\" 200 1234 \"http://exam",
    "203.0.113.50 - - [28/Oct/2025:10:25:30 +0000] \"GET / HTTP/1.1\" abc 1234 \"-\" \"a\"",
    "203.0.113.51 - - [28/Oct/2025:10:15:33 +0000] \"GET /last HTTP/1.1\" 200 1 \"-\" \"b\""};

TEST(WeblogContract, ParseAccessLog) {
  for (const char* const format :
       {"combined", "auto", "common", "vhost_common", "vhost_combined"}) {
    SCOPED_TRACE(format);
    ContractSubject subject;
    subject.inputs = {{{"message", kLines}}};
    subject.settings = {{"format", format}};
    EXPECT_CONTRACT(kLibrary, "parse_access_log", subject);
  }
}

TEST(WeblogContract, ParseAccessLogIntoTypedColumns) {
  ContractSubject subject;
  subject.inputs = {{{"message", kLines}}};
  subject.settings = {{"format", "auto"},
                      {"typed", true},
                      {"identity", true},
                      {"vhost", true},
                      {"keep_source", true}};
  EXPECT_CONTRACT(kLibrary, "parse_access_log", subject);
}

TEST(WeblogContract, ParseAccessLogOfBytesThatAreNoText) {
  std::vector<Cell> lines = kLines;
  lines.emplace_back(
      "203.0.113.52 - - [28/Oct/2025:10:15:34 +0000] \"GET /\xFF\xFE HTTP/1.1\" 200 1 \"-\" "
      "\"\xC3\"");
  ContractSubject subject;
  subject.inputs = {{{"message", Type::binary(), lines}}};
  EXPECT_CONTRACT(kLibrary, "parse_access_log", subject);
}

const std::vector<Cell> kAddresses = {"203.0.113.42",
                                      "81.139.119.191",
                                      "2001:db8::1",
                                      "::ffff:192.0.2.1",
                                      "999.1.1.1",
                                      "host.example",
                                      "",
                                      nullptr,
                                      "203.0.113.42"};

TEST(WeblogContract, Geoip) {
  ContractSubject subject;
  subject.inputs = {{{"host", kAddresses}}};
  subject.settings = {{"database", FLOWRUN_SOURCE_DIR "/pipelines/weblogs/city.mmdb"}};
  EXPECT_CONTRACT(kLibrary, "geoip", subject);
  subject.inputs = {{{"host", Type::category(), kAddresses}}};
  EXPECT_CONTRACT(kLibrary, "geoip", subject);
}

TEST(WeblogContract, UserAgent) {
  if (!std::filesystem::exists(kRegexes)) {
    GTEST_SKIP() << kRegexes << " is missing: install uap-core";
  }
  const std::vector<Cell> agents = {
      Cell("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
           "Chrome/120.0.0.0 Safari/537.36"),
      Cell("Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
           "like "
           "Gecko) Version/17.1 Mobile/15E148 Safari/604.1"),
      "curl/8.5.0",
      "\xC3\xA9",
      "",
      nullptr,
      "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
      "curl/8.5.0"};
  ContractSubject subject;
  subject.inputs = {{{"agent", agents}}};
  EXPECT_CONTRACT(kLibrary, "user_agent", subject);
  subject.inputs = {{{"agent", Type::category(), agents}}};
  EXPECT_CONTRACT(kLibrary, "user_agent", subject);
}

TEST(WeblogContract, PageName) {
  const Table rows = {
      {"request",
       {"GET /product.php?q=lamp HTTP/1.1", "GET / HTTP/1.1",
        "POST http://example.com/a%20b HTTP/1.0", "-", "\\x16\\x03", "", nullptr,
        "GET /\xC3\xA9/a/longer/path/than/twelve HTTP/1.1"}},
      {"referer",
       {"http://example.com/search.php?id=1", "https://example.com", "/path#fragment", "-",
        "no url", nullptr, "", "https://\xC3\xA9.example/\xC3\xA9"}}};
  ContractSubject subject;
  subject.inputs = {rows};
  EXPECT_CONTRACT(kLibrary, "page_name", subject);
  subject.settings = {{"referer", ""}};
  EXPECT_CONTRACT(kLibrary, "page_name", subject);
}

}  // namespace
}  // namespace flow::operators::weblog_contract_test
