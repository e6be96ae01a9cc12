// Every operator of plugins/std that reads or changes rows, as the library exports it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "flow/testing/check_contract.hpp"
#include "tests/operators/common/scratch_folder.hpp"
#include "tests/operators/sources/redirected_input.hpp"

namespace flow::operators::std_contract_test {
namespace {

using flow::testing::Cell;
using flow::testing::ContractSubject;
using flow::testing::RedirectedInput;
using flow::testing::ScratchFolder;
using flow::testing::Setting;
using flow::testing::Table;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/std.so";

TEST(StdContract, Generate) {
  ContractSubject subject;
  subject.settings = {{"rows", 20000}};
  EXPECT_CONTRACT(kLibrary, "generate", subject);
  subject.settings = {{"rows", 20000}, {"dataset", "access_log"}, {"batch_rows", 100}};
  EXPECT_CONTRACT(kLibrary, "generate", subject);
  subject.settings = {{"rows", 20000}, {"dataset", "clicks"}, {"batch_rows", 1000}};
  EXPECT_CONTRACT(kLibrary, "generate", subject);
  subject.settings = {{"rows", 20000}, {"dataset", "fleet"}, {"batch_rows", 1000}, {"devices", 9}};
  EXPECT_CONTRACT(kLibrary, "generate", subject);
}

// What cannot be read again cannot go on where a position says.
const std::vector<std::pair<std::string, std::string>> kReadOnce = {
    {"assign", "the stream cannot be read again; its page says so"}};

TEST(StdContract, Stdin) {
  const ScratchFolder scratch;
  const RedirectedInput input(scratch.write("in", std::string(30'000, 'x') + "\nlast"));
  ContractSubject subject;
  subject.settings = {{"read_size", 4096}};
  subject.reset = [] { ::lseek(STDIN_FILENO, 0, SEEK_SET); };
  subject.waived = kReadOnce;
  EXPECT_CONTRACT(kLibrary, "stdin", subject);
}

TEST(StdContract, Exec) {
  ContractSubject subject;
  // One piece: where a pipe's pieces end is a matter of time.
  subject.settings = {{"command", Setting(std::vector<std::string>{"printf", "%s\n", "a", "b"})},
                      {"restart", "never"}};
  subject.waived = kReadOnce;
  EXPECT_CONTRACT(kLibrary, "exec", subject);
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

TEST(StdContract, JsonWithASchema) {
  using flow::testing::Setting;
  ContractSubject subject;
  subject.bytes =
      "{\"time\":\"2025-10-28T10:15:30Z\",\"o\":{\"a\":1,\"b\":\"text of some length\"},\"x\":1}\n"
      "{\"c\":\"FR\",\"o\":{\"a\":\"x\"}}\n{\"c\":\"DE\",\"o\":null}\n{\"o\":{\"y\":[1]}}\nno "
      "json\n{";
  const auto schema = Setting::table({{"time", "timestamp"},
                                      {"c", "category"},
                                      {"o", Setting::table({{"a", "int"}, {"b", "text"}})}});
  // What is encoded comes back as it was: no columns that the schema adds or drops.
  subject.inputs = {{{"time", Type::timestamp(), {0, int64_t{1761646530500000000}}},
                     {"c", {"FR", "a longer name of a country"}}}};
  subject.settings = {{"schema", schema}, {"nulls", "omit"}};
  EXPECT_CONTRACT(kLibrary, "json", subject);
  subject.settings.emplace_back("undeclared", "drop");
  EXPECT_CONTRACT(kLibrary, "json", subject);
}

TEST(StdContract, ParseJson) {
  using flow::testing::Setting;
  ContractSubject subject;
  subject.inputs = {{{"message",
                      {R"({"a":1,"b":"a text of some length"})", "no json", nullptr,
                       R"({"a":"2","o":{"c":"FR","d":1}})", R"({"a":[]})"}},
                     {"host", {"x", "y", "z", nullptr, "a longer name of a host"}}}};
  const auto schema = Setting::table({{"a", "int"}, {"o", Setting::table({{"c", "category"}})}});
  subject.settings = {{"schema", schema}};
  EXPECT_CONTRACT(kLibrary, "parse_json", subject);
  subject.settings = {{"schema", schema}, {"undeclared", "drop"}, {"into", "event"}};
  EXPECT_CONTRACT(kLibrary, "parse_json", subject);
  subject.settings = {{"schema", schema}, {"prefix", "p_"}, {"keep_source", true}};
  EXPECT_CONTRACT(kLibrary, "parse_json", subject);
}

TEST(StdContract, Cast) {
  using flow::testing::Setting;
  ContractSubject subject;
  subject.inputs = {{{"status", {"200", "x", nullptr, "404"}},
                     {"ratio", {0.5, 1.0, nullptr, 3.0}},
                     {"time", {"2025-10-28T10:15:30Z", nullptr, "2025-10-28T10:15:31Z", "never"}},
                     {"name", {"a", "b", "a", nullptr}}}};
  subject.settings = {
      {"fields",
       Setting::table(
           {{"status", "int"}, {"ratio", "text"}, {"time", "timestamp"}, {"name", "category"}})}};
  EXPECT_CONTRACT(kLibrary, "cast", subject);
  subject.settings.emplace_back("on_unfit", "null");
  EXPECT_CONTRACT(kLibrary, "cast", subject);
}

TEST(StdContract, Pretty) { EXPECT_CONTRACT(kLibrary, "pretty"); }

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
  subject.settings = {{"fields", flow::testing::Setting::table({{"a", "upper(country)"},
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
}  // namespace flow::operators::std_contract_test
