// Every operator of plugins/std that reads or changes rows, as the library exports it.
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"

namespace flow::operators {
namespace {

using flow::testing::Cell;
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
  subject.inputs = {{{"response", {"200", "404", nullptr, "404", "500"}}}};
  EXPECT_CONTRACT(kLibrary, "filter", subject);
  subject.settings = {{"where", "response >= 400"}};
  subject.inputs = {{{"response", {200, 404, nullptr, 404, 500}}}};
  EXPECT_CONTRACT(kLibrary, "filter", subject);
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
}

TEST(StdContract, FieldPatterns) {
  ContractSubject subject;
  subject.inputs = {kParsed};
  subject.settings = {{"fields", std::vector<std::string>{"re*", "host"}}};
  EXPECT_CONTRACT(kLibrary, "keep", subject);
  EXPECT_CONTRACT(kLibrary, "drop", subject);
  subject.settings = {{"fields", flow::testing::Setting::table({{"re*", "x_*"}, {"host", "h"}})}};
  EXPECT_CONTRACT(kLibrary, "rename", subject);
}

TEST(StdContract, Explode) {
  const auto list = [](std::initializer_list<Cell> items) { return Cell::list(items); };
  ContractSubject subject;
  subject.inputs = {{{"id", {1, 2, 3, 4, 5, 6}},
                     {"items",
                      Type::list(Type::text()),
                      {list({"a", nullptr, "a text of some length"}), nullptr, list({}),
                       list({"b"}), list({"c", "d"}), list({"e", "f", "g"})}},
                     {"name", {"one", "two", nullptr, "four", "a longer name than that", "six"}}}};
  EXPECT_CONTRACT(kLibrary, "explode", subject);
  subject.settings = {{"keep_empty", true}};
  EXPECT_CONTRACT(kLibrary, "explode", subject);
  std::string long_list = "[0";
  for (int i = 1; i < 9000; ++i) long_list.append(",").append(std::to_string(i));
  subject.inputs = {{{"items",
                      Type::json(),
                      {"[1, null,\"a text of some length\"]", "[]", "null", nullptr, "{\"a\":[1]}",
                       "[1,", long_list + "]"}},
                     {"id", {1, 2, 3, 4, 5, 6, 7}}}};
  subject.memory_limit = int64_t{4} << 20;
  EXPECT_CONTRACT(kLibrary, "explode", subject);
  subject.settings = {};
  EXPECT_CONTRACT(kLibrary, "explode", subject);
}

TEST(StdContract, Redact) {
  ContractSubject subject;
  subject.inputs = {
      {{"subject", {"mail to anna@example.com", nullptr, "nothing", "+49 30 1234567"}},
       {"body",
        Type::json(),
        {"{\"a\":\"\\u0040 b@example.org\"}", "[1]", nullptr, "\"C-123456\""}},
       {"kind", Type::category(), {"4111 1111 1111 1111", "a", "a", nullptr}},
       {"all",
        Type::list(Type::text()),
        {Cell::list({"192.0.2.1"}), nullptr, Cell::list({}), Cell::list({"a", "c@example.net"})}}}};
  EXPECT_CONTRACT(kLibrary, "redact", subject);
  for (const char* action : {"mask", "remove", "hash"}) {
    subject.settings = {
        {"fields", std::vector<std::string>{}}, {"action", action}, {"secret", "s"}};
    EXPECT_CONTRACT(kLibrary, "redact", subject);
  }
  subject.settings.emplace_back("keep_record", true);
  EXPECT_CONTRACT(kLibrary, "redact", subject);
}

Table many_rows(int64_t rows, int64_t keys) {
  std::vector<Cell> ids, hosts, times;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t key = row * 7919 % keys;
    ids.emplace_back(key % 11 == 0 ? Cell() : Cell("order " + std::to_string(key)));
    hosts.emplace_back("203.0.113." + std::to_string(key % 5));
    times.emplace_back(int64_t{1'700'000'000'000'000'000} + row * 1'000'000'000);
  }
  return {{"order_id", ids}, {"host", hosts}, {"time", Type::timestamp(), times}};
}

TEST(StdContract, Sample) {
  ContractSubject subject;
  subject.inputs = {many_rows(600, 50)};
  subject.settings = {{"rate", 0.3}};
  EXPECT_CONTRACT(kLibrary, "sample", subject);
  subject.settings.emplace_back("key", std::vector<std::string>{"order_id"});
  EXPECT_CONTRACT(kLibrary, "sample", subject);
}

TEST(StdContract, Deduplicate) {
  ContractSubject subject;
  subject.inputs = {many_rows(600, 100)};
  EXPECT_CONTRACT(kLibrary, "deduplicate", subject);
  subject.settings = {{"time", "time"}, {"within", "90s"}};
  EXPECT_CONTRACT(kLibrary, "deduplicate", subject);
  subject.settings = {{"keys", 128}};
  EXPECT_CONTRACT(kLibrary, "deduplicate", subject);
}

TEST(StdContract, Throttle) {
  ContractSubject subject;
  subject.inputs = {many_rows(600, 100)};
  subject.settings = {{"rate", 20.0}, {"burst", 0}};
  EXPECT_CONTRACT(kLibrary, "throttle", subject);
  subject.settings.emplace_back("overflow", "port");
  EXPECT_CONTRACT(kLibrary, "throttle", subject);
  subject.settings.emplace_back("key", std::vector<std::string>{});
  EXPECT_CONTRACT(kLibrary, "throttle", subject);
}

}  // namespace
}  // namespace flow::operators
