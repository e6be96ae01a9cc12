// Every operator of plugins/std that reads or changes rows, as the library exports it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"

namespace flow::operators {
namespace {

using flow::testing::ContractSubject;
using flow::testing::Table;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/std.so";

TEST(StdContract, Generate) {
  ContractSubject subject;
  subject.settings = {{"rows", 20000}};
  EXPECT_CONTRACT(kLibrary, "generate", subject);
  subject.settings = {{"rows", 20000}, {"dataset", "access_log"}, {"batch_rows", 100}};
  EXPECT_CONTRACT(kLibrary, "generate", subject);
}

TEST(StdContract, Lines) {
  ContractSubject subject;
  subject.inputs = {{{"message", {"a", "a line of some length", "\xC3\xA9"}}}};
  subject.bytes =
      "first line\r\nsecond line, a little longer\n\n\xC3\xA9\xFF\nlast line without its end";
  subject.settings = {{"max_line", 64}};
  EXPECT_CONTRACT(kLibrary, "lines", subject);
  subject.settings.emplace_back("keep_empty", true);
  EXPECT_CONTRACT(kLibrary, "lines", subject);
}

TEST(StdContract, Json) {
  ContractSubject subject;
  subject.inputs = {{{"time", Type::timestamp(), {0, int64_t{1761646530500000000}}},
                     {"status", {200, 404}},
                     {"text", Type::json(), {"\"a\"", "[1,2]"}}}};
  subject.bytes =
      "{\"time\":\"2025-10-28T10:15:30Z\",\"status\":200,\"x\":{\"y\":[1,2,3]}}\n"
      "{\"status\":\"404\",\"x\":\"text of some length\"}\r\n\n"
      "{\"status\":[]}\nno json\n[1]\n{\"x\":null}";
  EXPECT_CONTRACT(kLibrary, "json", subject);
}

TEST(StdContract, Filter) {
  ContractSubject subject;
  subject.inputs = {{{"response", {"200", "404", nullptr, "404", "500"}},
                     {"request", {"GET /admin", "GET /", nullptr, "-", "GET /"}}}};
  EXPECT_CONTRACT(kLibrary, "filter", subject);
  subject.settings = {{"where", "response >= 400"}};
  subject.inputs = {{{"response", {200, 404, nullptr, 404, 500}}}};
  EXPECT_CONTRACT(kLibrary, "filter", subject);
}

TEST(StdContract, Route) {
  ContractSubject subject;
  subject.inputs = {{{"response", {200, 404, nullptr, 404, 500}},
                     {"agent", {"bot", "bot", nullptr, "a longer name of an agent", ""}}}};
  EXPECT_CONTRACT(kLibrary, "route", subject);
}

TEST(StdContract, Compute) {
  ContractSubject subject;
  subject.inputs = {{{"bytes", {"200", "404000", nullptr, "-", "500"}},
                     {"country", Type::category(), {"fr", "de", nullptr, "fr", "FR"}}}};
  EXPECT_CONTRACT(kLibrary, "compute", subject);
  subject.settings = {
      {"fields", flow::testing::Setting::table({{"a", "upper(country)"},
                                                {"b", "concat(a, ' and ', bytes)"},
                                                {"c", "length(b) > 10"}})}};
  EXPECT_CONTRACT(kLibrary, "compute", subject);
}

const Table kParsed = {{"host", {"192.0.2.1", "2001:db8::1"}},
                       {"datetime", {"now", nullptr}},
                       {"request", {"GET / HTTP/1.1", "a"}},
                       {"agent", {"some agent with a longer name", nullptr}},
                       {"referer", {nullptr, nullptr}}};

TEST(StdContract, Keep) {
  ContractSubject subject;
  subject.inputs = {kParsed};
  subject.settings = {{"missing", "ignore"}};
  EXPECT_CONTRACT(kLibrary, "keep", subject);
  subject.settings = {{"fields", std::vector<std::string>{"agent", "host"}}};
  EXPECT_CONTRACT(kLibrary, "keep", subject);
}

TEST(StdContract, Drop) {
  ContractSubject subject;
  subject.inputs = {kParsed};
  subject.settings = {{"missing", "ignore"}};
  EXPECT_CONTRACT(kLibrary, "drop", subject);
}

TEST(StdContract, Rename) {
  ContractSubject subject;
  subject.inputs = {kParsed};
  subject.settings = {{"missing", "ignore"}};
  EXPECT_CONTRACT(kLibrary, "rename", subject);
  subject.settings.clear();
  EXPECT_CONTRACT(kLibrary, "rename", subject);
}

}  // namespace
}  // namespace flow::operators
